"""Both languages say the same, and everything that is said."""

import ast
import string
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

import recharge
from cloud_service import cli
from recharge.language import PORTUGUESE, Language, language_of
from recharge.simulator.attendant import _EVENTS
from recharge.station_import.afdc import REASONS
from recharge.terminal.menu import AVAILABILITY

COMMANDS = ("charger", "client_options", "demo", "import_stations", "vehicle")
MODULES = [
    *(file for file in Path(recharge.__path__[0]).rglob("*.py") if file.name != "language.py"),
    *(Path(cli.__path__[0]) / f"{name}.py" for name in COMMANDS),
]


def names(text: str) -> set[str | None]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def said() -> Iterator[str]:
    """The texts that the modules hand to `say` where they call it."""
    for file in MODULES:
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(
                    func=ast.Name("say") | ast.Attribute(attr="_say"), args=[ast.Constant(str(text)), *_]
                ):
                    yield text


def literals() -> set[str]:
    return {
        node.value
        for file in MODULES
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def test_everything_that_is_said_has_its_portuguese() -> None:
    indirect = {*REASONS, *_EVENTS.values(), *AVAILABILITY.values()}
    texts = set(said())
    assert len(texts) > 40
    assert (texts | indirect) - PORTUGUESE.keys() == set()


def test_the_table_has_no_text_that_nobody_says() -> None:
    assert PORTUGUESE.keys() - literals() == set()


@pytest.mark.parametrize("english", PORTUGUESE)
def test_both_languages_fill_in_the_same(english: str) -> None:
    assert names(english) == names(PORTUGUESE[english])
    assert (english[-1] == " ") == (PORTUGUESE[english][-1] == " ")


@pytest.mark.parametrize(
    ("environment", "portuguese"),
    [
        ({}, False),
        ({"LANG": "pt_BR.UTF-8"}, True),
        ({"LANG": "pt"}, True),
        ({"LANG": "C.UTF-8"}, False),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "pt_PT"}, True),
        ({"LANG": "pt_BR.UTF-8", "LC_ALL": "C"}, False),
        ({"LANG": "pt_BR.UTF-8", "LC_MESSAGES": "de_DE", "LC_ALL": ""}, False),
    ],
)
def test_the_environment_chooses_the_language(environment: dict[str, str], portuguese: bool) -> None:
    assert language_of(environment) == Language(portuguese)


def test_numbers_are_written_as_the_language_has_them() -> None:
    assert Language().number(1234.5, 2) == "1,234.50"
    assert Language(portuguese=True).number(1234.5, 2) == "1.234,50"
    assert Language().measure(22) == Language().measure(22.0) == "22"
    assert Language(portuguese=True).measure(7.2) == "7,2"


def test_another_day_has_its_date() -> None:
    today = datetime.now(UTC)
    later = today + timedelta(days=3)
    assert len(Language().time(today)) == len("23:59")
    assert Language().time(later) == f"{later.astimezone():%Y-%m-%d %H:%M}"
    assert Language(portuguese=True).time(later) == f"{later.astimezone():%d/%m/%Y %H:%M}"
