"""What commands show goes through the reader's language."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tools.translations import ROOT

SOURCES = (ROOT / "cloud_service" / "cli", ROOT / "clients" / "recharge" / "terminal")
SHOWING = {"print", "tell", "_tell", "complain", "write", "add_column", "add_row", "set", "suptitle"}
"""Functions that show their arguments."""
NAMED = ("title", "xlabel", "ylabel")
SAME_IN_EVERY_LANGUAGE = {"recharge", "kW", "kWh", "km", "ID", "MQTT", "TCP", "http", "bold", "dim"}
MEANT_FOR_PROGRAMS = {"logs.py", "report.py"}
"""Logs, and the columns of CSV."""


def shown(tree: ast.AST) -> Iterator[ast.expr]:
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(name) | ast.Attribute(attr=name)) if name in SHOWING:
                # The first argument of `complain` is the command.
                yield from node.args[1:] if name == "complain" else node.args
                yield from (keyword.value for keyword in node.keywords if keyword.arg in NAMED)


def words(text: ast.expr) -> list[str]:
    parts = text.values if isinstance(text, ast.JoinedStr) else [text]
    literal = " ".join(str(part.value) for part in parts if isinstance(part, ast.Constant))
    return [word for word in re.findall(r"[A-Za-z]{2,}", literal) if word not in SAME_IN_EVERY_LANGUAGE]


def untranslated(source: str) -> list[str]:
    return [f"{text.lineno}: {' '.join(words(text))}" for text in shown(ast.parse(source)) if words(text)]


def _files() -> list[Path]:
    return [file for folder in SOURCES for file in sorted(folder.glob("*.py"))]


def test_nothing_is_shown_without_a_language() -> None:
    files = [file for file in _files() if file.name not in MEANT_FOR_PROGRAMS]
    assert len(files) > 40
    found = {file.name: lines for file in files if (lines := untranslated(file.read_text()))}
    assert found == {}


def as_english_text(source: str) -> list[int]:
    """The lines in which an error becomes a str."""
    lines = []
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(func=ast.Name("str"), args=[ast.Name("error")]):
                lines.append(node.lineno)
            case ast.FormattedValue(value=ast.Name("error")):
                lines.append(node.lineno)
    return lines


def test_an_error_is_not_shown_as_its_english_text() -> None:
    """`complain` and `say` take the error itself."""
    files = [file for file in _files() if file.name != "wording.py"]  # shows it to readers of English
    assert {file.name: lines for file in files if (lines := as_english_text(file.read_text()))} == {}
    assert as_english_text('print(str(error))\nprint(f"{error}")') == [1, 2]


def test_such_texts_would_be_found() -> None:
    assert untranslated('print("not sound")\nprint(say("sound"), f"{x:>3} kW")') == ["1: not sound"]
    assert untranslated('table.add_row(f"all {x}", title=say("x"))') == ["1: all"]
    assert untranslated('complain("verify", "no folder")') == ["1: no folder"]
