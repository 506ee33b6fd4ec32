"""Runs a demo, with a line for each thing that happens."""

import sys

from cloud_service.language.language import Language
from recharge.errors import Conflict, OutcomeUnknown, RequestError
from recharge.simulator.demo import Demo
from recharge.simulator.vehicle import Pace
from recharge.terminal.console import open_console
from recharge.terminal.screen import Lines
from recharge.terminal.wording import describe_failure


async def run_demo(demo: Demo, say: Language) -> int:
    """Runs until it is cancelled. Returns 1 if a charger cannot register its station.

    Raises ConnectionError without a broker.
    """
    console = open_console()
    try:
        pace = await demo.pace()
        for line in _introduction(pace, say):
            Lines(console, say).tell(line)
        await demo.run(pace, lambda name: Lines(console, say, name))
    except Conflict:
        text = say(
            "The demo's stations belong to other accounts, because the demo ran here before with or without"
            " accounts: start it as it was started then, with another data folder, or with another --seed."
        )
    except (RequestError, OutcomeUnknown) as error:
        text = describe_failure(error, say)
    else:
        return 0
    print(text, file=sys.stderr)
    return 1


def _introduction(pace: Pace, say: Language) -> list[str]:
    """Says how fast time passes, and how long it takes until there is something to see."""
    minutes = {"fails": 2, "longer": 15, "never": 20}
    if pace.clock.speed != 1:
        return [
            say("Time passes {times} times as fast in this network", times=say.measure(pace.clock.speed)),
            say(
                "Within {seconds} seconds a point fails, a vehicle stays too long, and another never comes",
                seconds=say.number(60 * minutes["never"] / pace.clock.speed + 1, 0),
            ),
        ]
    return [
        say("Time passes {times} times as fast", times=say.measure(pace.time_scale)),
        say(
            "The service's own clock runs as usual: a point fails after {fails} minutes, a vehicle"
            " stays too long after {longer}, and one that never comes is noticed after {never};"
            " `recharge up --demo` shows all of this within half a minute",
            **minutes,
        ),
    ]
