"""Lines over time as an SVG file, a panel for each quantity."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import TypeAlias

Line: TypeAlias = Sequence[tuple[float, float]]
"""Points (seconds, value)."""

_WIDTH, _HEIGHT, _LEFT, _TOP, _GAP = 900, 150, 70, 40, 50
_COLOURS = ("#1b6ca8", "#c0392b", "#2e8b57", "#8e44ad")


def draw(title: str, panels: Mapping[str, Mapping[str, Line]], marks: Sequence[tuple[float, str]]) -> str:
    """The panels one below the other over the same time; a mark is a thin line with its name as a tooltip."""
    seconds = max((at for lines in panels.values() for line in lines.values() for at, _ in line), default=1.0)
    height = _TOP + len(panels) * (_HEIGHT + _GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH + _LEFT + 30}" height="{height}"'
        ' font-family="sans-serif" font-size="12">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="{_LEFT}" y="20" font-size="15">{escape(title)}</text>',
    ]
    for number, (name, lines) in enumerate(panels.items()):
        parts += _panel(_TOP + number * (_HEIGHT + _GAP), name, lines, marks, seconds)
    return "\n".join([*parts, "</svg>\n"])


def _panel(
    top: float, name: str, lines: Mapping[str, Line], marks: Sequence[tuple[float, str]], seconds: float
) -> list[str]:
    highest = max((value for line in lines.values() for _, value in line), default=1.0) * 1.05 or 1.0

    def x(at: float) -> float:
        return round(_LEFT + _WIDTH * at / seconds, 1)

    def y(value: float) -> float:
        return round(top + _HEIGHT * (1 - value / highest), 1)

    parts = [
        f'<rect x="{_LEFT}" y="{top}" width="{_WIDTH}" height="{_HEIGHT}" fill="none" stroke="#999"/>',
        f'<text x="{_LEFT}" y="{top - 6}">{escape(name)}</text>',
        f'<text x="{_LEFT + _WIDTH}" y="{top + _HEIGHT + 14}" text-anchor="end">'
        f"{seconds / 60:.0f} min</text>",
    ]
    for share in (0, 0.5, 1):
        value = highest * share / 1.05
        parts.append(f'<text x="{_LEFT - 6}" y="{y(value) + 4}" text-anchor="end">{value:.4g}</text>')
    for at, what in marks:
        parts.append(
            f'<line x1="{x(at)}" x2="{x(at)}" y1="{top}" y2="{top + _HEIGHT}" stroke="#ddd">'
            f"<title>{escape(what)}</title></line>"
        )
    for number, (label, line) in enumerate(lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        path = " ".join(f"{x(at)},{y(value)}" for at, value in line)
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}"/>')
        parts.append(
            f'<text x="{_LEFT + 120 + 120 * number}" y="{top - 6}" fill="{colour}">{escape(label)}</text>'
        )
    return parts
