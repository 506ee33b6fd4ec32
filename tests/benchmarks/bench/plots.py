"""The plots of a run, as SVG files."""

from pathlib import Path
from statistics import median

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from tests.benchmarks.bench.results import Results, Series

WIDTH, HEIGHT = 7.0, 4.0
LINES = {
    "outstanding": ("requests outstanding", "requests a second"),
    "stations": ("stations", "bookings a second"),
    "reservations": ("reservations", "bookings a second"),
    "reservations of one station": ("reservations of one station", "bookings a second"),
}
"""The axes of each line plot."""


def draw(results: Results, folder: Path) -> list[Path]:
    """Writes a file for each plot that the run has values for, and returns the files."""
    mpl.rcParams["svg.hashsalt"] = "bench"
    files = []
    for plot in dict.fromkeys(series.plot for series in results.series):
        own = [series for series in results.series if series.plot == plot]
        figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
        axes = figure.subplots()
        if plot == "latency":
            _draw_distribution(axes, own)
        elif plot == "cost":
            _draw_costs(axes, own)
        else:
            _draw_lines(axes, own, *LINES[plot])
        figure.text(1, 0, f"{results.date}  ", ha="right", va="bottom", fontsize=7, color="grey")
        file = folder / f"{plot.replace(' ', '-')}.svg"
        figure.savefig(file, metadata={"Date": None})
        files.append(file)
    return files


def _draw_lines(axes: Axes, own: list[Series], across: str, up: str) -> None:
    for series in own:
        medians = [median(values) for values in series.points.values()]
        errors = [
            [middle - min(values) for middle, values in zip(medians, series.points.values(), strict=True)],
            [max(values) - middle for middle, values in zip(medians, series.points.values(), strict=True)],
        ]
        axes.errorbar(list(series.points), medians, yerr=errors, marker="o", capsize=3, label=series.name)
    axes.set_xlabel(across)
    axes.set_ylabel(up)
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", alpha=0.3)
    axes.legend()


def _draw_distribution(axes: Axes, own: list[Series]) -> None:
    for series in own:
        medians = [median(values) for values in series.points.values()]
        axes.plot([100 * float(share) for share in series.points], medians, label=series.name)
    axes.set_xlabel("share of requests with no longer latency (%)")
    axes.set_ylabel("latency (ms), 100 outstanding")
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)
    axes.legend()


def _draw_costs(axes: Axes, own: list[Series]) -> None:
    names = [series.name for series in own]
    processes = dict.fromkeys(process for series in own for process in series.points)
    bottom = [0.0] * len(own)
    for process in processes:
        heights = [median(series.points.get(process, [0.0])) for series in own]
        bars = axes.bar(names, heights, bottom=bottom, label=process)
        axes.bar_label(
            bars, labels=[f"{height:.0f}" if height else "" for height in heights], label_type="center"
        )
        bottom = [low + height for low, height in zip(bottom, heights, strict=True)]
    axes.set_ylabel("µs of processor time for each request")
    axes.legend()
