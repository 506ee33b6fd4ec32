"""Both languages: every text has a translation, and numbers and times follow the language."""

import errno
import re
import string
from datetime import UTC, datetime, timedelta

import pytest

from cloud_service.config.values import UnusableValue
from cloud_service.language.language import ENGLISH, Language, language_of_environment
from cloud_service.language.text import Text, TextError
from tools.translations import CATALOGUE, compile_catalogue, read_catalogue, said, texts

MESSAGES = read_catalogue(CATALOGUE.read_text())
TEXTS = [text for text in MESSAGES if text]


def fields(text: str) -> set[tuple[str | None, str | None]]:
    return {(name, form) for _, name, form, _ in string.Formatter().parse(text) if name is not None}


def placeholders(text: str) -> list[str]:
    """What argparse fills in."""
    return sorted(re.findall(r"%(?:\(\w+\))?[a-z]", text))


def test_every_text_is_translated() -> None:
    wanted = texts()
    assert len(wanted) > 400
    assert wanted - {text for text in TEXTS if MESSAGES[text]} == set()


def test_the_code_says_literal_texts_only() -> None:
    """Otherwise the test above would miss them."""
    assert [place for place, text in said() if not isinstance(text, str)] == []


def test_the_catalogue_has_no_text_that_nobody_says() -> None:
    assert set(TEXTS) - texts() == set()


def test_the_compiled_catalogue_is_up_to_date() -> None:
    """`python tools/translations.py` compiles it."""
    assert CATALOGUE.with_suffix(".mo").read_bytes() == compile_catalogue(MESSAGES)


@pytest.mark.parametrize("english", TEXTS)
def test_both_languages_have_the_same_fields(english: str) -> None:
    assert fields(english) == fields(MESSAGES[english])
    assert placeholders(english) == placeholders(MESSAGES[english])
    assert english[len(english.rstrip()) :] == MESSAGES[english][len(MESSAGES[english].rstrip()) :]


def test_a_text_is_translated_and_filled_in(portuguese: Language) -> None:
    assert ENGLISH("{points} points", points=3) == "3 points"
    assert portuguese("{points} points", points=3) == "3 pontos"


def test_a_text_waits_for_its_reader(portuguese: Language) -> None:
    text = Text("the disk is full")
    assert (str(text), portuguese(text)) == ("the disk is full", "o disco está cheio")
    error = UnusableValue("{text!r} is not a port (0-65535; 0 picks a free port)", text="x")
    assert str(error) == "'x' is not a port (0-65535; 0 picks a free port)"
    assert portuguese(error) == "'x' não é uma porta (0-65535; 0 escolhe uma porta livre)"


def test_a_value_may_be_a_text_or_an_error_of_the_system(portuguese: Language) -> None:
    template = "cannot read the password file {file}: {error}"
    missing = FileNotFoundError(errno.ENOENT, "No such file or directory", "secret")
    assert ENGLISH(template, file="f", error=missing).endswith("No such file or directory: 'secret'")
    assert portuguese(template, file="f", error=missing).endswith(": o arquivo não existe: 'secret'")
    assert portuguese(template, file="f", error=Text("the disk is full")).endswith(": o disco está cheio")


def test_braces_of_others_are_no_fields() -> None:
    assert str(TextError(Text("{text}", text="{x}"))) == "{x}"
    assert ENGLISH("{x}") == "{x}"


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
