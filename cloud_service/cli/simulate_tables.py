"""The tables of `recharge simulate`."""

from collections.abc import Callable, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from cloud_service.language.language import Language
from cloud_service.simulation.estimates import estimate
from cloud_service.simulation.figures import Figures
from cloud_service.simulation.runs import Run, by_policy
from recharge.terminal.console import open_console

_Column = tuple[str, int, Callable[[Figures], float | None]]
"""The heading, how many decimals, and the figure."""


def show(runs: Sequence[Run], say: Language) -> None:
    """Prints the means of all figures for each policy, in two tables that fit a narrow terminal."""
    console = open_console()
    seeds = {run.seed for run in runs}
    console.print(
        say(
            "{runs} runs of each policy, {people} people in the first; the true mean lies within ± (95%)",
            runs=say.number(len(seeds), 0),
            people=say.number(runs[0].figures.wanted, 0),
        ),
        soft_wrap=True,
    )
    for columns in (_for_people(say), _for_points(say)):
        console.print(_table(columns, runs, say))


def _for_people(say: Language) -> tuple[_Column, ...]:
    return (
        (say("Served\n%"), 1, lambda figures: 100 * figures.served),
        (say("Waited\nmin"), 1, lambda figures: figures.waiting),
        (say("Until\nfinished h"), 2, lambda figures: figures.until_finished),
        (say("At worst\nh"), 1, lambda figures: figures.worst),
        (say("Distance\nkm"), 2, lambda figures: figures.distance),
    )


def _for_points(say: Language) -> tuple[_Column, ...]:
    return (
        (say("In use\n%"), 1, lambda figures: 100 * figures.utilisation),
        (say("Stood\n%"), 1, lambda figures: 100 * figures.stood),
        (say("Moved\nof 100"), 1, lambda figures: figures.moved),
        (say("Price\nof a kWh"), 3, lambda figures: figures.price),
    )


def _table(columns: Sequence[_Column], runs: Sequence[Run], say: Language) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 0), pad_edge=False, show_edge=False)
    table.add_column(say("Policy"), no_wrap=True)
    for heading, _, _ in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    for policy, theirs in by_policy(runs).items():
        cells = (_cell([read(run.figures) for run in theirs], digits, say) for _, digits, read in columns)
        table.add_row(policy, *cells)
    return table


def _cell(values: Sequence[float | None], digits: int, say: Language) -> str:
    found = estimate(values)
    if found is None:
        return "-"
    if found.half_width is None:
        return say.number(found.mean, digits)
    return f"{say.number(found.mean, digits)} ±{say.number(found.half_width, digits)}"
