"""Checks and compiles the Portuguese texts of the program.

    python tools/translations.py

Reads cloud_service/language/locale/pt/LC_MESSAGES/recharge.po and writes recharge.mo beside it. Exits with 1
when a text of the program has no translation, or a translation has no text. GNU gettext's `msgfmt` writes the
same messages; this needs nothing to be installed but the project.

Texts are found in three places: in the code, where a Language, a Text or a TextError is called with them; in
the records of commands, which have the texts of `--help`; and in ARGPARSE, which asks for its own texts.
"""

import ast
import struct
import sys
from collections.abc import Iterable, Iterator, Sequence
from inspect import cleandoc
from pathlib import Path
from typing import Final

from msgspec import Struct
from msgspec.structs import fields

from cloud_service.cli.logs import LogSettings
from cloud_service.cli.main import COMMANDS, Command
from cloud_service.config.command_line import Argument
from cloud_service.config.setting import annotation, declared_settings, is_record
from cloud_service.language.text import Text

ROOT: Final = Path(__file__).parents[1]
SOURCES: Final = (ROOT / "clients" / "recharge", ROOT / "cloud_service")
CATALOGUE: Final = ROOT / "cloud_service" / "language" / "locale" / "pt" / "LC_MESSAGES" / "recharge.po"
SAY: Final = ("say", "_say")
"""Names under which the code calls a Language."""
ARGPARSE: Final = frozenset(
    (
        "%(heading)s:",
        "%(prog)s: error: %(message)s\n",
        "argument %(argument_name)s: %(message)s",
        "expected at least one argument",
        "expected at most one argument",
        "expected one argument",
        "ignored explicit argument %r",
        "invalid %(type)s value: %(value)r",
        "invalid choice: %(value)r (choose from %(choices)s)",
        "not allowed with argument %s",
        "options",
        "positional arguments",
        "show program's version number and exit",
        "show this help message and exit",
        "the following arguments are required: %s",
        "unrecognized arguments: %s",
        "usage: ",
    )
)
"""What argparse says to a reader: its other texts are for those who program with it."""

_MO_MAGIC: Final = 0x950412DE
_MO_HEADER_BYTES: Final = 7 * 4


def texts() -> set[str]:
    """Every text that a reader may see."""
    return {text for _, text in said() if text is not None} | set(helped()) | ARGPARSE


def helped(commands: Sequence[Command] = COMMANDS) -> Iterator[str]:
    """The texts of `--help` of these commands that the code has in records and docstrings."""
    for command in commands:
        module = command.load()
        yield command.help
        yield cleandoc(module.__doc__ or "")
        for argument in arguments(module.Options):
            yield from (argument.options[name] for name in ("help", "metavar") if name in argument.options)
        for declared in declared_settings(module.Options, LogSettings):
            setting = declared.setting
            yield setting.kind.metavar
            yield str(setting.section)
            # The text for the file of a secret is a Text, with the text of the secret in it.
            if not isinstance(setting.help, Text):
                yield setting.help


def arguments(record: type[Struct]) -> Iterator[Argument]:
    """The arguments of a command that are not settings."""
    for field in fields(record):
        if is_record(field):
            yield from arguments(field.type)
        elif argument := annotation(field, Argument):
            yield argument


def said() -> Iterator[tuple[str, str | None]]:
    """The place and the text of each call of a Language, a Text or a TextError; None if it is put together.

    A call with a name as its argument passes on the text of another place.
    """
    trees = {file: ast.parse(file.read_text()) for folder in SOURCES for file in sorted(folder.rglob("*.py"))}
    errors = _text_errors(trees.values())
    for file, tree in trees.items():
        # rich has a Text too.
        takers = {*SAY, *errors, *(("Text",) if _has_our_text(tree) else ())}
        for node in ast.walk(tree):
            match node:
                case ast.Call(func=ast.Name(name) | ast.Attribute(attr=name), args=[text, *_]) if (
                    name in takers
                ):
                    place = f"{file.relative_to(ROOT)}:{node.lineno}"
                    if isinstance(text, ast.Constant):
                        yield place, str(text.value)
                    elif isinstance(text, ast.JoinedStr | ast.BinOp):
                        yield place, None


def _has_our_text(tree: ast.Module) -> bool:
    imports = (
        node for node in tree.body if isinstance(node, ast.ImportFrom) and node.module == Text.__module__
    )
    return any(alias.name == Text.__name__ for node in imports for alias in node.names)


def _text_errors(trees: Iterable[ast.Module]) -> set[str]:
    """The names of the classes that descend from TextError, without those that make their own texts."""
    bases = {
        node.name: [base.id for base in node.bases if isinstance(base, ast.Name)]
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef)
    }
    found = {"TextError"}
    while more := {name for name, above in bases.items() if found & set(above)} - found:
        found |= more
    return found


def read_catalogue(text: str) -> dict[str, str]:
    """Reads a .po file that has neither plurals nor contexts. The empty key has the header."""
    messages: dict[str, str] = {}
    parts: dict[str, str] = {}
    keyword = ""
    for line in (*text.splitlines(), ""):
        word, _, rest = line.partition(" ")
        if word in ("msgid", "msgstr"):
            keyword, line = word, rest
            parts[keyword] = ""
        if line.startswith('"'):
            parts[keyword] += ast.literal_eval(line)
        elif not line and parts:
            messages[parts["msgid"]] = parts["msgstr"]
            parts = {}
    return messages


def compile_catalogue(messages: dict[str, str]) -> bytes:
    """Returns the .mo file (the format is in GNU gettext's manual, "The Format of GNU MO Files")."""
    keys = sorted(messages)
    texts = [text.encode() for text in (*keys, *(messages[key] for key in keys))]
    tables_end = _MO_HEADER_BYTES + 8 * len(texts)
    table, body = b"", b""
    for text in texts:
        table += struct.pack("<II", len(text), tables_end + len(body))
        body += text + b"\0"
    translations_start = _MO_HEADER_BYTES + 8 * len(keys)
    header = struct.pack("<7I", _MO_MAGIC, 0, len(keys), _MO_HEADER_BYTES, translations_start, 0, tables_end)
    return header + table + body


def main() -> int:
    messages = read_catalogue(CATALOGUE.read_text())
    wanted = texts()
    translated = {key for key, value in messages.items() if key and value}
    for text in sorted(wanted - translated):
        print(f"no translation: {text}", file=sys.stderr)
    for text in sorted(translated - wanted):
        print(f"nobody says: {text}", file=sys.stderr)
    CATALOGUE.with_suffix(".mo").write_bytes(compile_catalogue(messages))
    return int(wanted != translated)


if __name__ == "__main__":
    sys.exit(main())
