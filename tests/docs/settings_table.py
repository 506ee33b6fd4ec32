"""The tables of docs/configuration.md. `python -m tests.docs.settings_table` writes them anew."""

import re
from pathlib import Path

from cloud_service.cli.settings import SETTINGS, Setting
from tests.docs.pages import ROOT

PAGE = ROOT / "docs" / "configuration.md"

_BEGIN = "<!-- settings: python -m tests.docs.settings_table -->"
_END = "<!-- end of settings -->"


def tables() -> str:
    """All settings, a table a section."""
    sections: dict[str, list[Setting]] = {}
    for setting in SETTINGS.values():
        sections.setdefault(setting.section, []).append(setting)
    return "\n".join(_table(name, settings) for name, settings in sections.items())


def _table(name: str, settings: list[Setting]) -> str:
    rows = [f"| {_flag(row)} | `{row.variable}` | {_default(row)} | {row.help} |" for row in settings]
    heading = f"## {name[0].upper()}{name[1:]}\n\n"
    return heading + "| flag | variable | default | what |\n|---|---|---|---|\n" + "\n".join(rows) + "\n"


def _flag(setting: Setting) -> str:
    if setting.flag is None:
        return "none: others can read a process's arguments"
    return f"`{setting.flag} {setting.metavar}`".replace("|", "\\|")


def _default(setting: Setting) -> str:
    value = setting.default
    if isinstance(value, tuple):
        value = ",".join(map(str, value))
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value in (None, "") else f"`{value}`"


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
