"""The journal's lines: complete lines are read back, and damage of every kind is noticed."""

from collections.abc import Callable
from zlib import crc32

import pytest

from cloud_service.store.errors import DamagedStore
from cloud_service.store.journal import Batch, JournalPosition, SegmentReader, decode_line, encode_line
from tests.faults.journal_damage import (
    JOURNAL,
    SPOILED,
    chain,
    check_flipped_bits,
    check_prefixes,
    check_spoiled,
)
from tests.faults.witness import read
from tests.kit.batches import request
from tests.kit.records import NOW
from tests.kit.scale import Scale
from tests.kit.simulated_disk import SimulatedFolder


def scan(data: bytes) -> tuple[list[Batch], SegmentReader]:
    reading = SegmentReader(JOURNAL, data, JournalPosition())
    return list(reading.batches()), reading


def test_a_line_is_read_back() -> None:
    lines, batches = chain(3)
    assert [decode_line(line) for line in lines] == [
        (batch, JournalPosition(batch.sequence, line[13:21].decode()))
        for line, batch in zip(lines, batches, strict=True)
    ]


def test_a_segment_is_read_to_its_end() -> None:
    lines, batches = chain(4)
    found, reading = scan(b"".join(lines))
    assert found == batches
    assert reading.end == len(b"".join(lines))
    assert reading.position.sequence == 4


def test_a_field_of_a_later_version_is_ignored() -> None:
    """The upgrade policy: only what older versions may ignore is added without raising FORMAT."""
    lines, batches = chain(1)
    rest = lines[0][21:].replace(b'"told":', b'"later":{"a":[1]},"told":')
    line = b'{"checksum":"%08x%b' % (crc32(rest), rest)
    decoded = decode_line(line)
    assert decoded is not None
    assert decoded[0] == batches[0]


def test_a_missing_field_has_its_default() -> None:
    rest = b'","sequence":1,"previous":"00000000","at":"2026-03-01T12:00:00Z"}\n'
    decoded = decode_line(b'{"checksum":"%08x%b' % (crc32(rest), rest))
    assert decoded is not None
    assert decoded[0] == Batch(1, "00000000", NOW)


def test_the_bytes_of_a_line() -> None:
    """The journal is a format that later versions have to read: its lines must not change."""
    line, position = encode_line(Batch(1, "00000000", NOW, remembered=(request("a"),), delivered=0))
    rest = (
        b'","sequence":1,"previous":"00000000","at":"2026-03-01T12:00:00Z","changes":[],"remembered":'
        b'[["ana","text:a","MDEyMzQ1Njc4OWFiY2RlZg==","ok","\\"ok\\":true,\\"result\\":1"]],"told":0}\n'
    )
    assert line == b'{"checksum":"%08x%b' % (crc32(rest), rest)
    assert (position.sequence, position.checksum) == (1, f"{crc32(rest):08x}")


@pytest.mark.parametrize("name", SPOILED)
def test_damage_before_a_good_line_stops_the_start(name: str) -> None:
    check_spoiled(name)


def test_a_first_line_that_does_not_follow_the_checkpoint_stops_the_start() -> None:
    lines, _ = chain(3)
    with pytest.raises(DamagedStore, match="byte 0: batch 2 does not continue batch 0"):
        read(SimulatedFolder({JOURNAL: lines[1] + lines[2]}), NOW)


def test_a_missing_segment_stops_the_start() -> None:
    lines, _ = chain(3)
    files = {JOURNAL: lines[0], "journal-000003.jsonl": lines[2]}
    with pytest.raises(
        DamagedStore, match=r"journal-000003.jsonl, byte 0: batch 3 does not continue batch 1"
    ):
        read(SimulatedFolder(files), NOW)


def test_damage_at_the_end_of_an_earlier_segment_changes_nothing() -> None:
    lines, _ = chain(3)
    folder = SimulatedFolder({JOURNAL: lines[0] + lines[1][:-5], "journal-000002.jsonl": lines[2]})
    with pytest.raises(DamagedStore):
        read(folder, NOW)
    assert folder.log == [], "the folder was changed"


def test_segments_continue_each_other() -> None:
    lines, _ = chain(3)
    files = {JOURNAL: lines[0], "journal-000002.jsonl": b"", "journal-000003.jsonl": lines[1] + lines[2]}
    assert read(SimulatedFolder(files), NOW).sequence == 3


@pytest.mark.timeout(1800)
def test_every_prefix_recovers_to_its_last_whole_line(figure: Callable[[str], None]) -> None:
    figure(f"journal: {check_prefixes(20_000)} prefixes, each recovered to its last complete line")


@pytest.mark.timeout(1800)
def test_every_flipped_bit_is_noticed(scale: Scale, figure: Callable[[str], None]) -> None:
    """One in the last line costs that line, which is set aside and reported. Any other stops the start."""
    figure(f"journal: {check_flipped_bits(scale(share=7, full=1))}, each noticed")
