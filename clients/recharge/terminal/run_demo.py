"""Runs a demo, with a line for each thing that happens."""

from rich.console import Console

from recharge.simulator.demo import Demo
from recharge.terminal.language import Language
from recharge.terminal.screen import Lines


async def run_demo(demo: Demo, say: Language) -> int:
    """Runs until it is cancelled. Raises ConnectionError without a broker."""
    console = Console(highlight=False)
    times = say.measure(demo.time_scale)
    Lines(console, say).tell(say("Time passes {times} times as fast", times=times))
    await demo.run(lambda name: Lines(console, say, name))
    return 0
