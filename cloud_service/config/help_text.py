"""Breaks the texts of `--help` into lines of the terminal's width."""

import re
import shutil
from textwrap import fill
from typing import Final

_EDGE: Final = 2
"""Columns that argparse leaves free beside its own texts."""
_TERM: Final = re.compile(r" +\S.*?  +(?=\S)")
"""What a line begins with that explains something: the term, up to its explanation."""
_FURTHER: Final = 4


def reflowed(text: str) -> str:
    """Returns paragraphs, which an empty line separates, broken where the terminal ends."""
    return "\n\n".join(fill(" ".join(each.split()), _width()) for each in text.split("\n\n"))


def hung(text: str) -> str:
    """Returns lines, of which those that are too long go on below their explanation, or a little indented."""
    return "\n".join(map(_hung_line, text.splitlines()))


def extended(text: str, word: str, *, beside: str) -> str:
    """Adds a word to the last line; where that is full, on a line of its own, after the text `beside`."""
    *_, last = text.splitlines()
    if len(last) + 1 + len(word) <= _width():
        return f"{text} {word}"
    return f"{text}\n{' ' * (text.index(beside) + len(beside))} {word}"


def _hung_line(line: str) -> str:
    term, indent = _TERM.match(line), len(line) - len(line.lstrip())
    further = term.end() if term else indent and indent + _FURTHER
    return fill(
        line, _width(), subsequent_indent=" " * further, break_long_words=False, break_on_hyphens=False
    )


def _width() -> int:
    return shutil.get_terminal_size().columns - _EDGE
