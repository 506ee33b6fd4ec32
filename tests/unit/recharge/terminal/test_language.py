"""Both languages: every text has a translation, and numbers and times follow the language."""

import string
from datetime import UTC, datetime, timedelta

import pytest

from recharge.terminal.language import ENGLISH, Language, language_of_environment
from tools.translations import CATALOGUE, compile_catalogue, read_catalogue, said

MESSAGES = read_catalogue(CATALOGUE.read_text())
TEXTS = [text for text in MESSAGES if text]


def fields(text: str) -> set[tuple[str | None, str | None]]:
    return {(name, form) for _, name, form, _ in string.Formatter().parse(text) if name is not None}


def test_every_text_that_the_code_says_is_translated() -> None:
    texts = {text for _, text in said()}
    assert len(texts) > 90
    assert texts - {text for text in TEXTS if MESSAGES[text]} == set()


def test_the_code_says_literal_texts_only() -> None:
    """Otherwise the test above would miss them."""
    assert [place for place, text in said() if not isinstance(text, str)] == []


def test_the_catalogue_has_no_text_that_the_code_does_not_say() -> None:
    assert set(TEXTS) - {text for _, text in said()} == set()


def test_the_compiled_catalogue_is_up_to_date() -> None:
    """`python tools/translations.py` compiles it."""
    assert CATALOGUE.with_suffix(".mo").read_bytes() == compile_catalogue(MESSAGES)


@pytest.mark.parametrize("english", TEXTS)
def test_both_languages_have_the_same_fields(english: str) -> None:
    assert fields(english) == fields(MESSAGES[english])
    assert (english[-1] == " ") == (MESSAGES[english][-1] == " ")


def test_a_text_is_translated_and_filled_in(portuguese: Language) -> None:
    assert ENGLISH("{points} points", points=3) == "3 points"
    assert portuguese("{points} points", points=3) == "3 pontos"


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "en"),
        ({"LANG": "pt_BR.UTF-8"}, "pt_BR"),
        ({"LANG": "pt"}, "pt_BR"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "pt_PT"}, "pt_BR"),
        ({"LANG": "pt_BR.UTF-8", "LC_ALL": "C"}, "en"),
        ({"LANG": "pt_BR.UTF-8", "LC_MESSAGES": "de_DE", "LC_ALL": ""}, "en"),
        ({"LANG": "en_US.UTF-8", "LANGUAGE": "pt_BR:en"}, "pt_BR"),
    ],
)
def test_the_environment_chooses_the_language(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], language: str
) -> None:
    for variable in ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.setenv(variable, environment.get(variable, ""))
    assert language_of_environment().name == language


def test_numbers_follow_the_language(portuguese: Language) -> None:
    assert ENGLISH.number(1234.5, 2) == "1,234.50"
    assert portuguese.number(1234.5, 2) == "1.234,50"
    assert ENGLISH.measure(22) == ENGLISH.measure(22.0) == "22"
    assert portuguese.measure(7.2) == "7,2"


def test_another_day_has_its_date(portuguese: Language) -> None:
    today = datetime.now(UTC)
    later = today + timedelta(days=3)
    assert len(ENGLISH.time(today)) == len("23:59")
    assert ENGLISH.time(later) == f"{later.astimezone():%Y-%m-%d %H:%M}"
    assert portuguese.time(later) == f"{later.astimezone():%d/%m/%Y %H:%M}"
