"""`--help` and mistakes in the command line, in the reader's language."""

import argparse
import re
import sys
from pathlib import Path

import pytest

from cloud_service.cli.main import COMMANDS, Command, command_line, main
from cloud_service.config.help_text import hung
from cloud_service.language.language import Language
from tools.translations import ARGPARSE, arguments, helped

FOR_PROGRAMMERS = re.compile(
    r"not defined|conflicting|unknown parser|mode %r|can't open|cannot merge|'required' is"
    r"|invalid option string|dest= is required|conflict_resolution|mutually exclusive arguments must"
    r"|cannot have multiple|one of the arguments|ambiguous option|unexpected option|is not callable"
    r"|expected %s argument|is deprecated|warning: |maybe you meant"
)
"""Texts of argparse for what our command lines do not do."""


UNBREAKABLE = re.compile(r" *\[--\w+ \{\S+\}\]")
"""An option with the list of its values, alone in a line of the usage."""


def _plain(text: str) -> str:
    return " ".join(text.split())


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_nothing_in_the_help_stays_english(
    command: Command, portuguese: Language, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    shown = _plain(command_line(command, command.load()).help_text())
    sentences = {_plain(text.partition("%(default)")[0]) for text in helped([command])}
    translated = {text for text in sentences if " " in text and portuguese(text) != text}
    assert len(translated) > 5
    assert [text for text in translated if text in shown] == []
    assert shown.startswith("uso: recharge ")
    assert "mostra esta ajuda e termina" in shown


@pytest.mark.parametrize("language", ["en", "pt"])
@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_help_fits_into_sixty_columns(
    command: Command, language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setenv("LANGUAGE", language)
    lines = command_line(command, command.load()).help_text().splitlines()
    assert [line for line in lines if len(line) > 60 and not UNBREAKABLE.fullmatch(line)] == []


def test_an_explanation_goes_on_below_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "32")
    assert hung("verbs:\n  add NAME  creates an account of this name").splitlines() == [
        "verbs:",
        "  add NAME  creates an account",
        "            of this name",
    ]
    assert hung("  quote x=... y=... speed=... range=...").splitlines() == [
        "  quote x=... y=... speed=...",
        "      range=...",
    ]


def test_nothing_in_the_list_of_commands_stays_english(
    portuguese: Language, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = _plain(capsys.readouterr().out)
    assert [command.name for command in COMMANDS if command.help in shown] == []
    assert "comandos: COMANDO up inicia a rede inteira nesta máquina" in shown


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_each_value_has_a_word_that_can_be_translated(command: Command) -> None:
    """argparse would make one of the argument's name."""
    without = [
        argument.flags or argument.options
        for argument in arguments(command.load().Options)
        if argument.options.get("action") != "store_true"
        and not {"metavar", "choices"} & argument.options.keys()
    ]
    assert without == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "recharge: faltam os argumentos: COMANDO"),
        (["ups"], "recharge: argumento COMANDO: opção inválida: 'ups'"),
        (["up", "--mqtt-prot", "1"], "recharge up: argumentos desconhecidos: --mqtt-prot 1"),
        (["up", "--mqtt-port", "x"], "recharge up: argumento --mqtt-port: 'x' não é uma porta"),
        (["up", "--mqtt-port"], "recharge up: argumento --mqtt-port: falta o valor"),
        (["up", "--demo=1"], "recharge up: argumento --demo: não aceita valor: '1'"),
        (["backup"], "recharge backup: faltam os argumentos: PASTA"),
        (["stations", "--near", "x"], "recharge stations: argumento --near: 'x' não são dois números"),
    ],
)
def test_mistakes_in_portuguese(
    words: list[str], said: str, portuguese: Language, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end:
        main(words)
    assert end.value.code == 2
    mistake, advice = capsys.readouterr().err.splitlines()
    assert mistake.startswith(said)
    assert re.fullmatch(r"Veja `recharge( \w+)? --help`\.", advice)


def test_bad_variable_in_portuguese(
    portuguese: Language, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RECHARGE_TCP_PORT", "old")
    with pytest.raises(SystemExit):
        main(["gateway"])
    said = "recharge gateway: variável de ambiente RECHARGE_TCP_PORT: 'old' não é uma porta"
    assert capsys.readouterr().err.startswith(said)


@pytest.mark.skipif(sys.version_info >= (3, 15), reason="its argparse may have texts that we do not know yet")
def test_argparse_has_no_other_texts() -> None:
    source = Path(argparse.__file__).read_text()
    own = {text.encode().decode("unicode_escape") for _, text in re.findall(r"\b_\((['\"])(.*?)\1\)", source)}
    assert len(own) > 20
    assert {text for text in own - ARGPARSE if not FOR_PROGRAMMERS.search(text)} == set()
