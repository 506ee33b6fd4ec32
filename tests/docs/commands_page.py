"""docs/commands.md. `python -m tests.docs.commands_page` writes it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from cloud_service.cli.main import COMMANDS, Command, command_line
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "commands.md"

_WIDTH = "100"
_INTRODUCTION = """\
# Commands

What `--help` says of each command. After `./run`, a command is started as `.venv/bin/recharge COMMAND` or as
`./run COMMAND`; in a container, as `python -m cloud_service COMMAND`. Words in brackets are the environment
variables of settings. [configuration.md](configuration.md) has the settings of all commands in one place, and
[clients.md](clients.md#the-commands) says more about `charger`, `vehicle`, `demo` and `import`.

`python -m tests.docs.commands_page` writes this page.
"""


def page() -> str:
    """The whole page, with a section for each command."""
    with _plain_help():
        return "\n".join((_INTRODUCTION, _index(), *(_section(command) for command in COMMANDS)))


def _index() -> str:
    rows = (f"| [`{command.name}`](#recharge-{command.name}) | {command.help} |" for command in COMMANDS)
    return "\n".join(("| command | what it does |", "|---|---|", *rows, ""))


def _section(command: Command) -> str:
    text = command_line(command, command.load()).help_text()
    return f"## recharge {command.name}\n\n```text\n{text.rstrip()}\n```\n"


@contextmanager
def _plain_help() -> Iterator[None]:
    """argparse takes the width and the colours of its text from the environment."""
    before = dict(os.environ)
    os.environ.update(COLUMNS=_WIDTH, NO_COLOR="1")
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


if __name__ == "__main__":
    PAGE.write_text(page())
