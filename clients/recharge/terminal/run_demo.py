"""Runs a demo, with a line for each thing that happens."""

import sys

from cloud_service.language.language import Language
from recharge.errors import Conflict, OutcomeUnknown, RequestError
from recharge.simulator.demo import Demo
from recharge.terminal.console import open_console
from recharge.terminal.screen import Lines
from recharge.terminal.wording import describe_failure


async def run_demo(demo: Demo, say: Language) -> int:
    """Runs until it is cancelled. Returns 1 if a charger cannot register its station.

    Raises ConnectionError without a broker.
    """
    console = open_console()
    times = say.measure(demo.time_scale)
    Lines(console, say).tell(say("Time passes {times} times as fast", times=times))
    try:
        await demo.run(lambda name: Lines(console, say, name))
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
