"""The tables of docs/configuration.md. `python -m tests.docs.settings_table` writes them."""

import re
from itertools import groupby
from pathlib import Path

from cloud_service.cli.logs import LogSettings
from cloud_service.cli.main import COMMANDS
from cloud_service.config.setting import Declared, Setting, declared_settings
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "configuration.md"

_BEGIN = "<!-- settings: python -m tests.docs.settings_table -->"
_END = "<!-- end of settings -->"


def all_settings() -> list[Declared]:
    """The settings of all commands, by section."""
    return declared_settings(*(command.load().Options for command in COMMANDS), LogSettings)


def tables() -> str:
    """A table for each section."""
    sections = groupby(all_settings(), key=lambda declared: declared.setting.section)
    return "\n".join(_table(section, list(rows)) for section, rows in sections)


def _table(heading: str, rows: list[Declared]) -> str:
    lines = [
        f"## {heading[0].upper()}{heading[1:]}",
        "",
        "| flag | variable | default | what |",
        "|---|---|---|---|",
    ]
    for setting, default in ((row.setting, row.setting.text(row.default)) for row in rows):
        shown = f"`{default}`" if default else ""
        lines.append(f"| {_flag(setting)} | `{setting.variable}` | {shown} | {setting.help} |")
    return "\n".join(lines) + "\n"


def _flag(setting: Setting) -> str:
    if setting.flag is None:
        return "none: others can read a process's arguments"
    return f"`{setting.flag} {setting.kind.metavar}`".replace("|", "\\|")


def with_tables(page: str) -> str:
    """The page with these tables between its marks."""
    begin, end = page.index(_BEGIN) + len(_BEGIN), page.index(_END)
    return f"{page[:begin]}\n\n{tables()}\n{page[end:]}"


def variables(text: str) -> set[str]:
    return set(re.findall(r"\bRECHARGE_[A-Z0-9_]+", text))


def main(page: Path = PAGE) -> None:
    page.write_text(with_tables(page.read_text()))


if __name__ == "__main__":
    main()
