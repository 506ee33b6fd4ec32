"""The messages that pages explain are messages of the code."""

import ast
import re
from collections.abc import Iterator

import pytest

from tests.docs.pages import ROOT, Page

NOT_OURS = (
    "has incorrect label",
    "could not be found",
    "port is already allocated",
    "not authorised",
    "certificate verify failed",
    "not valid for",
    "./run",
    "recharge ",
    "accounts ",
)
"""Messages of Docker, Mosquitto and OpenSSL; commands."""

_VARIES = re.compile(r"\.\.\.|cloud_service|\d+|'[^']*'|\S+\.(?:jsonl?|broken)\b|[:;()]")
"""The variable parts of a message, and the marks between its parts."""


def quoted(page: Page) -> Iterator[str]:
    """Code with a space, in a section whose heading begins with "When"; in blocks, the lines of a log."""
    inside = False
    for line in page.prose:
        if line.startswith("#"):
            inside = line.startswith("## When")
        elif inside:
            yield from (code for code in line.split("`")[1::2] if " " in code)
    for block in page.blocks:
        if block.language == "text":
            yield from re.findall(r"^(?:WARNING|ERROR) \w+: (.*)$", block.text, re.MULTILINE)


def fragments(message: str) -> list[str]:
    """The constant parts of a message that have two words or more."""
    parts = (part.strip(" ,") for part in _VARIES.split(message))
    return [part for part in parts if " " in part]


def literals() -> Iterator[str]:
    for path in (ROOT / "cloud_service").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


MESSAGES = [
    pytest.param(message, id=f"{name}: {message[:40]}")
    for name in ("files.md", "operations.md")
    for message in quoted(Page(ROOT / "docs" / name))
    if fragments(message) and not any(foreign in message for foreign in NOT_OURS)
]


@pytest.fixture(scope="module")
def code() -> str:
    return "\n".join(literals())


@pytest.mark.parametrize("message", MESSAGES)
def test_a_quoted_message_is_the_codes(message: str, code: str) -> None:
    assert [part for part in fragments(message) if part not in code] == []


def test_messages_are_found() -> None:
    assert len(MESSAGES) >= 8
