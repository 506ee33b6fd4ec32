"""Files as people have them: compressed, in several encodings, or no text at all."""

import gzip
from pathlib import Path

import pytest

from recharge.station_import.lines import MAX_LINE, UnreadableText, opened_lines

TEXT = "name,place\r\nSão Paulo,1\r\n"
LINES = ["name,place\r\n", "São Paulo,1\r\n"]


def read(file: Path, content: bytes, max_text: int = 10 * MAX_LINE) -> list[str]:
    file.write_bytes(content)
    with opened_lines(file, max_text) as lines:
        return list(lines)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(),
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.encode("utf-32"),
    ],
)
def test_encodings_with_a_mark_and_compression_are_recognised(
    tmp_path: Path, content: bytes, packed: bool
) -> None:
    assert read(tmp_path / "stations.csv", gzip.compress(content) if packed else content) == LINES


def test_another_encoding_spoils_only_the_letters_that_ascii_lacks(tmp_path: Path) -> None:
    assert read(tmp_path / "stations.csv", TEXT.encode("latin-1")) == [LINES[0], "S\ufffdo Paulo,1\r\n"]


def test_an_empty_file_has_no_lines(tmp_path: Path) -> None:
    assert read(tmp_path / "stations.csv", b"") == []


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"PK\x03\x04 and the rest of a spreadsheet", "archive"),
        (gzip.compress(TEXT.encode() * 1000)[:-20], "damaged"),
        (b"\x1f\x8b and no more of gzip", "damaged"),
        (gzip.compress(b"x" * (MAX_LINE + 1)), "long line"),
        (gzip.compress(b"x\n" * (6 * MAX_LINE)), "too large"),
    ],
)
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes, fault: str) -> None:
    with pytest.raises(UnreadableText) as caught:
        read(tmp_path / "stations.csv", content)

    assert caught.value.fault == fault
