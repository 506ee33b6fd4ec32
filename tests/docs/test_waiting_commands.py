"""A command on a page that waits for a message ends by itself, so that a reader's shell never hangs."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, Page

_WAITS = re.compile(r"(?:^|[\s;{(])(?:\S*/)?mosquitto_(?:sub|rr) -.*")
"""A command with its options. In prose, the names alone stand in quotes."""
_ENDS = re.compile(r" -W \d+")


def _endless(text: str) -> list[str]:
    return [found[0] for found in _WAITS.finditer(text) if not _ENDS.search(found[0])]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_command_that_waits_says_for_how_long(path: Path) -> None:
    assert [line for block in Page(path).blocks for line in _endless(block.text)] == []


def test_a_command_that_could_wait_for_ever_is_found() -> None:
    assert _endless("mosquitto_sub -t a/b\nask() { mosquitto_rr -t a -e b; }\n") != []
    assert _endless("mosquitto_sub -W 10 -t a/b\n") == []
