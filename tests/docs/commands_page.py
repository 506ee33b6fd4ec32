"""docs/commands.md and docs/pt/comandos.md. `python -m tests.docs.commands_page` writes both."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from cloud_service.cli.main import COMMANDS, Command, command_line
from cloud_service.language.language import Language, language_of_environment
from tests.docs.pages import ROOT

PAGES = {"en": ROOT / "docs" / "commands.md", "pt_BR": ROOT / "docs" / "pt" / "comandos.md"}

_WIDTH = "100"
_ENGLISH = """\
# Commands

What `--help` says about each command. Start a command as `./run COMMAND` or, once `./run` has installed it,
as `.venv/bin/recharge COMMAND`; in a container, as `python -m cloud_service COMMAND`. Words in brackets are
the environment variables of settings. [configuration.md](configuration.md) has the settings of all commands
in one place, and [clients.md](clients.md#the-commands) says more about `charger`, `vehicle`, `demo` and
`import`.

The commands also speak Portuguese if `LANGUAGE`, `LC_ALL`, `LC_MESSAGES` or `LANG` says so
([comandos.md](pt/comandos.md)). A script that compares their output should set `LANGUAGE=en` or use `--json`.

`python -m tests.docs.commands_page` writes this page.

| command | what it does |
|---|---|
"""
_PORTUGUESE = """\
# Comandos

O que `--help` diz sobre cada comando. Inicie um comando como `./run COMANDO` ou, depois que `./run` o
instalou, como `.venv/bin/recharge COMANDO`; em um contêiner, como `python -m cloud_service COMANDO`. As
palavras entre colchetes são as variáveis de ambiente das configurações.
[configuration.md](../configuration.md) reúne as configurações de todos os comandos, e
[clients.md](../clients.md#the-commands) diz mais sobre `charger`, `vehicle`, `demo` e `import` (os dois em
inglês).

Os comandos falam português se `LANGUAGE`, `LC_ALL`, `LC_MESSAGES` ou `LANG` pedir: `LANG=pt_BR.UTF-8`, por
exemplo. Os logs continuam em inglês. Um script que compara a saída deles deve definir `LANGUAGE=en` ou usar
`--json`.

`python -m tests.docs.commands_page` escreve esta página.

| comando | o que faz |
|---|---|
"""
_INTRODUCTIONS = {"en": _ENGLISH, "pt_BR": _PORTUGUESE}


def page(language: str) -> str:
    """The whole page, with a section for each command."""
    with _plain_help(language):
        sections = (_section(command) for command in COMMANDS)
        return _INTRODUCTIONS[language] + "\n".join((_rows(language_of_environment()), *sections))


def _rows(say: Language) -> str:
    rows = (f"| [`{command.name}`](#recharge-{command.name}) | {say(command.help)} |" for command in COMMANDS)
    return "\n".join((*rows, ""))


def _section(command: Command) -> str:
    text = command_line(command, command.load()).help_text()
    return f"## recharge {command.name}\n\n```text\n{text.rstrip()}\n```\n"


@contextmanager
def _plain_help(language: str) -> Iterator[None]:
    """argparse takes the width and the colours of its text from the environment, as we take the language."""
    before = dict(os.environ)
    os.environ.update(COLUMNS=_WIDTH, NO_COLOR="1", LANGUAGE=language)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


if __name__ == "__main__":
    for language, path in PAGES.items():
        path.write_text(page(language))
