"""The picture of `recharge simulate --plot`. Needs matplotlib, which is optional."""

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.figure import Figure

from cloud_service.cli.simulate_tables import summary
from cloud_service.language.language import Language
from cloud_service.simulation.estimates import Estimate, estimate
from cloud_service.simulation.figures import Figures
from cloud_service.simulation.runs import Run, by_policy


def draw(runs: Sequence[Run], file: Path, say: Language) -> None:
    """Draws eight figures of all policies, with their intervals. Raises OSError or ValueError."""
    shown: tuple[tuple[str, Callable[[Figures], float | None]], ...] = (
        (say("Served, %"), lambda figures: 100 * figures.served),
        (say("Waited, minutes"), lambda figures: figures.waiting),
        (say("Until finished, hours"), lambda figures: figures.until_finished),
        (say("Distance, km"), lambda figures: figures.distance),
        (say("Points in use, % of the time"), lambda figures: 100 * figures.utilisation),
        (say("Charged, kWh a day"), lambda figures: figures.energy),
        (say("Found their point taken, %"), lambda figures: 100 * figures.stood),
        (say("Moves for each 100 people"), lambda figures: figures.moved),
    )
    policies = by_policy(runs)
    figure = Figure(figsize=(14, 2 + 0.6 * len(policies)), layout="constrained")
    all_axes = figure.subplots(2, 4, sharey=True)
    for axes, (title, read) in zip(all_axes.flat, shown, strict=True):
        found = [
            estimate([read(run.figures) for run in theirs]) or Estimate(0) for theirs in policies.values()
        ]
        axes.barh(
            range(len(found)),
            [each.mean for each in found],
            xerr=[each.half_width or 0 for each in found],
            tick_label=list(policies),
            capsize=2,
        )
        axes.set(title=title)
        axes.set_xlim(left=0)
        axes.grid(axis="x", alpha=0.4)
        axes.set_axisbelow(True)
    all_axes[0][0].invert_yaxis()  # shared by all
    figure.suptitle(summary(runs, say))
    figure.savefig(file)
