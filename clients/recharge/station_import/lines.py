"""Opens a text file as people have it: plain or gzip, in UTF-8 or UTF-16, and reads it in bounded pieces."""

import codecs
import gzip
import io
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

MAX_LINE: Final = 1 << 20
"""Characters. The rows of an export have a few hundred."""
MAX_TEXT: Final = 1 << 28
"""Characters of the file after decompression. The export of a whole country has 50 million."""

_GZIP: Final = b"\x1f\x8b"
_ZIP: Final = b"PK\x03\x04"
_MARKS: Final = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    # UTF-32 comes first, because its mark begins with that of UTF-16.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)

Fault = Literal["archive", "damaged", "long line", "too large"]
_TEXTS: Final[dict[Fault, str]] = {
    "archive": "this is a zip archive or a spreadsheet: unpack it, or save it as CSV",
    "damaged": "the compressed file is damaged or cut short",
    "long line": f"a line has more than {MAX_LINE:,} characters, so this is not CSV",
    "too large": f"the text has more than {MAX_TEXT:,} characters: split the file",
}


class UnreadableText(ValueError):
    """The file has no text that could be read."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(_TEXTS[fault])
        self.fault = fault


@contextmanager
def opened_lines(file: Path, max_text: int = MAX_TEXT) -> Iterator[Iterator[str]]:
    """The lines of the file, with their ends. Reading raises OSError or UnreadableText."""
    with file.open("rb") as packed:
        beginning = packed.peek(len(_ZIP))
        if beginning.startswith(_ZIP):
            raise UnreadableText("archive")
        stream = gzip.GzipFile(fileobj=packed) if beginning.startswith(_GZIP) else packed
        try:
            with io.TextIOWrapper(stream, _encoding(stream), errors="replace", newline="") as text:
                yield _lines(text, max_text)
        except (EOFError, gzip.BadGzipFile, zlib.error):
            raise UnreadableText("damaged") from None


def _lines(text: io.TextIOWrapper, max_text: int) -> Iterator[str]:
    left = max_text
    while line := text.readline(MAX_LINE + 1):
        if len(line) > MAX_LINE:
            raise UnreadableText("long line")
        left -= len(line)
        if left < 0:
            raise UnreadableText("too large")
        yield line


def _encoding(stream: io.BufferedReader | gzip.GzipFile) -> str:
    beginning = stream.peek(4)
    return next((encoding for mark, encoding in _MARKS if beginning.startswith(mark)), "utf-8")
