"""The product, the tests and the pages do not use the words that the glossary replaces."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT

GLOSSARY = ROOT / "docs" / "glossary.md"
_REPLACED = GLOSSARY.read_text().partition("## Words that we do not use")[2]
WORDS = [
    match[1]
    for match in re.finditer(r"^\| (\w[\w ]*)(?:,[\w' ]+)? \|", _REPLACED, re.MULTILINE)
    if match[1] != "not"
]
USED_OTHERWISE = {"memory", "takeover"}
"""`memory` is also that of a machine, and a session can be taken over."""

SOURCES = [
    path
    for top in ("cloud_service", "clients", "tests")
    for path in sorted((ROOT / top).rglob("*.py"))
    if path != Path(__file__)
]
TEXTS = [*SOURCES, *(page for page in PAGES if page != GLOSSARY)]


def _words(text: str) -> str:
    """All words with spaces around, those within names such as `_take_ticket` and `TicketQueue` included."""
    return f" {' '.join(re.findall(r'[A-Z]?[a-z]+|[A-Z]+', text)).lower()} "


@pytest.mark.parametrize("word", [word for word in WORDS if word not in USED_OTHERWISE])
def test_a_replaced_word_is_not_used(word: str) -> None:
    forms = re.compile(f" {word}(s|ed|ing)? ")
    found = [str(path.relative_to(ROOT)) for path in TEXTS if forms.search(_words(path.read_text()))]
    assert found == []


def test_the_glossary_has_such_words() -> None:
    assert {"fold", "in vain", "ticket"} <= set(WORDS)


def test_words_within_names_are_found() -> None:
    assert _words("_take_ticket(TicketQueue)") == " take ticket ticket queue "
