"""What a run of the benchmarks has found: rows, series for the plots, and where it was measured."""

from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Literal

import msgspec
from msgspec import Struct, field

Better = Literal["higher", "lower"]
LEAST_NOISE = 0.05
"""The smallest difference that counts, because a figure that is measured once has no visible spread."""


class Row(Struct, frozen=True):
    """A figure, with one value a round. `goal` is what we want it to reach."""

    name: str
    unit: str
    values: list[float]
    better: Better
    goal: float | None = None

    @property
    def median(self) -> float:
        return median(self.values)

    @property
    def spread(self) -> tuple[float, float]:
        """The smallest and the largest value."""
        return min(self.values), max(self.values)

    @property
    def reached(self) -> bool | None:
        """Whether the median is as good as the goal; None without a goal."""
        if self.goal is None:
            return None
        return self.median >= self.goal if self.better == "higher" else self.median <= self.goal

    def is_worse_than(self, earlier: "Row") -> bool:
        """Whether it is worse by more than its noise: the spreads are apart by more than LEAST_NOISE."""
        (low, high), (low_before, high_before) = self.spread, earlier.spread
        if self.better == "higher":
            return high < low_before * (1 - LEAST_NOISE)
        return low > high_before * (1 + LEAST_NOISE)


class Series(Struct, frozen=True):
    """A line or a stack of bars in a plot: the values of the rounds at each place of the horizontal axis."""

    plot: str
    name: str
    points: dict[str, list[float]]


class Results(Struct):
    """A run. `machine` and `versions` are texts for people; `quick` ones measure smaller networks."""

    date: str
    quick: bool
    machine: str
    versions: str
    rows: list[Row] = field(default_factory=list)
    series: list[Series] = field(default_factory=list)

    def write(self, file: Path) -> None:
        """Writes it as JSON."""
        file.write_bytes(msgspec.json.format(msgspec.json.encode(self), indent=1) + b"\n")

    @classmethod
    def read(cls, file: Path) -> "Results":
        """Reads what `write` wrote. Raises OSError, or msgspec.ValidationError."""
        return msgspec.json.decode(file.read_bytes(), type=cls)

    def table(self) -> str:
        """The rows as a table in Markdown."""
        lines = ["| what | median | from - to | goal | |", "|---|---|---|---|---|"]
        return "\n".join([*lines, *map(_line, self.rows)]) + "\n"

    def worse_than(self, earlier: "Results") -> Iterator[str]:
        """A line for each row that is worse than in an earlier run, by more than its noise."""
        before = {row.name: row for row in earlier.rows}
        for row in self.rows:
            known = before.get(row.name)
            if known is not None and row.is_worse_than(known):
                yield f"{row.name}: {_quantity(row, row.median)}, was {_quantity(known, known.median)}"


def _line(row: Row) -> str:
    low, high = map(_number, row.spread)
    goal = "" if row.goal is None else f"{'≥' if row.better == 'higher' else '≤'} {_number(row.goal)}"
    verdict = {None: "", True: "reached", False: "not reached"}[row.reached]
    return f"| {row.name} | {_quantity(row, row.median)} | {low} - {high} | {goal} | {verdict} |"


def _quantity(row: Row, value: float) -> str:
    return f"{_number(value)} {row.unit}".rstrip()


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
