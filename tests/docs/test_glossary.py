"""The product and the pages do not use the words that the glossary replaces."""

import re

import pytest

from tests.docs.pages import PAGES, ROOT

GLOSSARY = ROOT / "docs" / "glossary.md"
_REPLACED = GLOSSARY.read_text().partition("## Words that we do not use")[2]
WORDS = [
    match[1] for match in re.finditer(r"^\| (\w+)[,\w' ]* \|", _REPLACED, re.MULTILINE) if match[1] != "not"
]
USED_OTHERWISE = {"memory", "takeover"}
"""`memory` is also that of a machine, and a session can be taken over."""

SOURCES = [path for top in ("cloud_service", "clients") for path in sorted((ROOT / top).rglob("*.py"))]
TEXTS = [*SOURCES, *(page for page in PAGES if page != GLOSSARY)]


def _words(text: str) -> set[str]:
    """All words, those within names such as `_take_ticket` and `TicketQueue` included."""
    return {word.lower() for word in re.findall(r"[A-Z]?[a-z]+|[A-Z]+", text)}


@pytest.mark.parametrize("word", [word for word in WORDS if word not in USED_OTHERWISE])
def test_a_replaced_word_is_not_used(word: str) -> None:
    forms = {word, f"{word}s", f"{word}ed", f"{word}ing"}
    found = [str(path.relative_to(ROOT)) for path in TEXTS if forms & _words(path.read_text())]
    assert found == []


def test_the_glossary_has_such_words() -> None:
    assert {"fold", "reckon", "ticket"} <= set(WORDS)


def test_words_within_names_are_found() -> None:
    assert {"take", "ticket", "queue"} <= _words("_take_ticket(TicketQueue)")
