"""Checks and compiles the Portuguese texts of the client commands.

    python tools/translations.py

Reads clients/recharge/locale/pt/LC_MESSAGES/recharge.po and writes recharge.mo beside it. Exits with 1 when a
text of the code has no translation, or a translation has no text. GNU gettext's `msgfmt` writes the same
messages; this needs nothing but Python.
"""

import ast
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
LIBRARY: Final = ROOT / "clients" / "recharge"
COMMANDS: Final = ROOT / "cloud_service" / "cli"
CATALOGUE: Final = LIBRARY / "locale" / "pt" / "LC_MESSAGES" / "recharge.po"
LANGUAGE_MODULE: Final = "from recharge.terminal.language import"
SAY: Final = ("say", "_say")
"""Names under which the code calls a Language."""

_MO_MAGIC: Final = 0x950412DE
_MO_HEADER_BYTES: Final = 7 * 4


def said() -> Iterator[tuple[str, str | None]]:
    """Yields the place of each call of a Language, and its text; None for a text that is not a literal."""
    for file in _speaking_files():
        for node in ast.walk(ast.parse(file.read_text())):
            match node:
                case ast.Call(func=ast.Name(name) | ast.Attribute(attr=name), args=[text, *_]) if name in SAY:
                    literal = text.value if isinstance(text, ast.Constant) else None
                    yield f"{file.relative_to(ROOT)}:{node.lineno}", literal


def _speaking_files() -> list[Path]:
    """The library, and the commands that have a Language."""
    commands = [file for file in COMMANDS.glob("*.py") if LANGUAGE_MODULE in file.read_text()]
    return sorted([*LIBRARY.rglob("*.py"), *commands])


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
    texts = {text for _, text in said() if text is not None}
    translated = {key for key, value in messages.items() if key and value}
    for text in sorted(texts - translated):
        print(f"no translation: {text}", file=sys.stderr)
    for text in sorted(translated - texts):
        print(f"nobody says: {text}", file=sys.stderr)
    CATALOGUE.with_suffix(".mo").write_bytes(compile_catalogue(messages))
    return int(texts != translated)


if __name__ == "__main__":
    sys.exit(main())
