"""The tables of `recharge simulate`."""

from collections.abc import Callable, Mapping, Sequence

from rich.box import SIMPLE_HEAD
from rich.table import Table

from cloud_service.language.language import Language
from cloud_service.simulation.estimates import Estimate, estimate
from cloud_service.simulation.figures import Figures
from cloud_service.simulation.runs import Run, by_policy, difference
from recharge.terminal.console import open_console

_Column = tuple[str, int, Callable[[Figures], float | None]]
"""The heading, how many decimals, and the figure."""


def show(runs: Sequence[Run], say: Language) -> None:
    """Prints the means of all figures for each policy, in tables that fit a narrow terminal."""
    console = open_console()
    console.print(summary(runs, say), soft_wrap=True)
    policies = by_policy(runs)
    for columns in (_for_people(say), _for_points(say)):
        console.print(_table(columns, policies, say))
    first, *others = policies
    if others:
        text = say(
            "Difference from {policy} with the same people; the true mean lies within ± (95%)", policy=first
        )
        console.print(text, soft_wrap=True)
        console.print(_differences(policies, say))


def summary(runs: Sequence[Run], say: Language) -> str:
    """What the figures are of, and what stands after ±."""
    return say(
        "{runs} runs of each policy, {people} people in the first; the true mean lies within ± (95%)",
        runs=say.number(len({run.seed for run in runs}), 0),
        people=say.number(runs[0].figures.wanted, 0),
    )


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
        (say("Charged\nkWh/day"), 0, lambda figures: figures.energy),
        (say("Stood\n%"), 1, lambda figures: 100 * figures.stood),
        (say("Moved\nof 100"), 1, lambda figures: figures.moved),
        (say("Price\nof a kWh"), 3, lambda figures: figures.price),
    )


def _table(columns: Sequence[_Column], policies: Mapping[str, Sequence[Run]], say: Language) -> Table:
    table = _empty_table(columns, say)
    for policy, runs in policies.items():
        found = [(estimate([read(run.figures) for run in runs]), digits) for _, digits, read in columns]
        table.add_row(policy, *(_cell(each, digits, say) for each, digits in found))
    return table


def _differences(policies: Mapping[str, Sequence[Run]], say: Language) -> Table:
    """Of each policy from the first, seed by seed: what all of them have in common drops out."""
    columns = (*_for_people(say)[:4], _for_points(say)[1])
    table = _empty_table(columns, say)
    first, *others = policies
    for policy in others:
        found = [(difference(policies[policy], policies[first], read), digits) for _, digits, read in columns]
        table.add_row(policy, *(_cell(each, digits, say, sign="+") for each, digits in found))
    return table


def _empty_table(columns: Sequence[_Column], say: Language) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 0), pad_edge=False, show_edge=False)
    table.add_column(say("Policy"), no_wrap=True)
    for heading, _, _ in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _cell(found: Estimate | None, digits: int, say: Language, sign: str = "") -> str:
    """`sign` stands before what is above zero."""
    if found is None:
        return "-"
    rounded = round(found.mean, digits) + 0.0  # never -0.0
    mean = (sign if rounded > 0 else "") + say.number(rounded, digits)
    return mean if found.half_width is None else f"{mean} ±{say.number(found.half_width, digits)}"
