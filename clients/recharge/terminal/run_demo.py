"""Runs a demo, with a line for each thing that happens."""

from recharge.simulator.demo import Demo
from recharge.terminal.console import open_console
from recharge.terminal.language import Language
from recharge.terminal.screen import Lines


async def run_demo(demo: Demo, say: Language) -> int:
    """Runs until it is cancelled. Raises ConnectionError without a broker."""
    console = open_console()
    times = say.measure(demo.time_scale)
    Lines(console, say).tell(say("Time passes {times} times as fast", times=times))
    await demo.run(lambda name: Lines(console, say, name))
    return 0
