"""Lines over time as an SVG file, a panel for each quantity."""

from collections.abc import Mapping, Sequence
from html import escape
from itertools import cycle
from math import ceil, floor, log10
from typing import TypeAlias

Line: TypeAlias = Sequence[tuple[float, float]]
"""Points (seconds, value)."""

_WIDTH, _HEIGHT, _LEFT, _TOP, _GAP = 900, 150, 70, 70, 50
_COLOURS = ("#1b6ca8", "#c0392b", "#2e8b57", "#8e44ad")
_MARK_COLOURS = ("#7f8c8d", "#d68910", "#8e44ad", "#117a65", "#b03a2e")


def draw(title: str, panels: Mapping[str, Mapping[str, Line]], marks: Sequence[tuple[float, str]]) -> str:
    """The panels one below the other over the same time; marks are thin lines, a colour for each kind.

    A panel whose name says "logarithmic" has powers of ten on its axis.
    """
    seconds = max((at for lines in panels.values() for line in lines.values() for at, _ in line), default=1.0)
    height = _TOP + len(panels) * (_HEIGHT + _GAP)
    colours = dict(zip(sorted({what for _, what in marks}), cycle(_MARK_COLOURS), strict=False))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH + _LEFT + 30}" height="{height}"'
        ' font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{_LEFT}" y="20" font-size="15">{escape(title)}</text>',
    ]
    for number, (what, colour) in enumerate(colours.items()):
        parts.append(f'<text x="{_LEFT + 180 * number}" y="40" fill="{colour}">| {escape(what)}</text>')
    ruled = [(at, colours[what]) for at, what in marks]
    for number, (name, lines) in enumerate(panels.items()):
        parts += _panel(_TOP + number * (_HEIGHT + _GAP), name, lines, ruled, seconds)
    return "\n".join([*parts, "</svg>\n"])


class _Scale:
    """From values to shares of a panel's height."""

    def __init__(self, values: list[float], logarithmic: bool) -> None:
        self._log = logarithmic
        if logarithmic:
            self._low: float = floor(log10(max(min(values, default=1.0), 0.1)))
            self._high: float = max(ceil(log10(max(values, default=10.0))), self._low + 1)
            self.ticks = [10.0**power for power in range(self._low, self._high + 1)]
        else:
            step = _round_up(max(values, default=1.0) / 4)
            self._low, self._high = 0, 4 * step
            self.ticks = [step * number for number in range(5)]

    def share(self, value: float) -> float:
        position = log10(max(value, 10.0**self._low)) if self._log else value
        return (position - self._low) / (self._high - self._low)


def _round_up(value: float) -> float:
    """To the next of 1, 2, 5, 10, 20, ..."""
    power = 10.0 ** floor(log10(max(value, 1e-9)))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= value)


def _panel(
    top: float, name: str, lines: Mapping[str, Line], marks: Sequence[tuple[float, str]], seconds: float
) -> list[str]:
    scale = _Scale([value for line in lines.values() for _, value in line], "logarithmic" in name)

    def x(at: float) -> float:
        return round(_LEFT + _WIDTH * at / seconds, 1)

    def y(value: float) -> float:
        return round(top + _HEIGHT * (1 - scale.share(value)), 1)

    parts = [
        f'<rect x="{_LEFT}" y="{top}" width="{_WIDTH}" height="{_HEIGHT}" fill="none" stroke="#999"/>',
        f'<text x="{_LEFT}" y="{top - 6}">{escape(name)}</text>',
        f'<text x="{_LEFT + _WIDTH}" y="{top + _HEIGHT + 14}" text-anchor="end">'
        f"{seconds / 60:.0f} min</text>",
    ]
    parts += [
        f'<text x="{_LEFT - 6}" y="{y(value) + 4}" text-anchor="end">{value:g}</text>'
        for value in scale.ticks
    ]
    for at, colour in marks:
        parts.append(
            f'<line x1="{x(at)}" x2="{x(at)}" y1="{top}" y2="{top + _HEIGHT}" stroke="{colour}"'
            ' stroke-opacity="0.4"/>'
        )
    for number, (label, line) in enumerate(lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        path = " ".join(f"{x(at)},{y(value)}" for at, value in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}"/>')
        parts.append(
            f'<text x="{_LEFT + 200 + 120 * number}" y="{top - 6}" fill="{colour}">{escape(label)}</text>'
        )
    return parts
