"""The journal's lines: whole lines are read back, and damage of every kind is noticed."""

import re
from collections.abc import Callable
from datetime import timedelta
from random import Random
from zlib import crc32

import pytest

from cloud_service.service.engine.engine import Engine
from cloud_service.service.engine.limits import EngineLimits
from cloud_service.store.errors import DamagedStore
from cloud_service.store.file_store import FileStore, StoreOptions
from cloud_service.store.journal import Batch, JournalPosition, SegmentReader, decode_line, encode_line
from tests.faults.traffic import Traffic
from tests.faults.witness import Knowledge, Possible, Witness, check, read
from tests.kit.scale import Scale
from tests.kit.simulated_disk import SimulatedFolder
from tests.unit.core.samples import NOW
from tests.unit.store.samples import booking, registration, request

JOURNAL = "journal-000001.jsonl"


def chain(length: int) -> tuple[list[bytes], list[Batch]]:
    """The lines of a journal, and what they hold."""
    position, lines, batches = JournalPosition(), [], []
    for number in range(1, length + 1):
        changes = (registration(), booking()) if number == 1 else ()
        batch = Batch(number, position.checksum, NOW, changes, (request(str(number)),), delivered=number - 1)
        line, position = encode_line(batch)
        lines.append(line)
        batches.append(batch)
    return lines, batches


def scan(data: bytes) -> tuple[list[Batch], SegmentReader]:
    reading = SegmentReader(JOURNAL, data, JournalPosition())
    return list(reading.batches()), reading


def busy_journal(size: int) -> tuple[bytes, list[int], list[Knowledge]]:
    """A journal of about `size` bytes, where its lines end, and what is known after each of them."""
    folder = SimulatedFolder()
    witness = Witness(folder, StoreOptions())
    service = Engine(witness, EngineLimits(), NOW)
    traffic, now = Traffic(Random(4)), NOW
    ends, known = [0], [witness.certain]
    while ends[-1] < size:
        now += timedelta(minutes=7)
        service.take_in(traffic.next(), None, now.timestamp())
        service.work(now)
        if witness.sequence == len(ends):
            ends.append(len(folder.files()[JOURNAL]))
            known.append(witness.certain)
    return folder.files()[JOURNAL], ends, known


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


SPOILED: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "a line is missing": lambda lines: [lines[0], lines[2]],
    "lines are swapped": lambda lines: [lines[0], lines[2], lines[1]],
    "a line stands twice": lambda lines: [lines[0], lines[0], *lines[1:]],
    "a byte is missing": lambda lines: [lines[0], lines[1][1:], lines[2]],
    "an empty line": lambda lines: [lines[0], b"\n", *lines[1:]],
    "zeros": lambda lines: [lines[0], bytes(512), *lines[1:]],
    "a torn line before": lambda lines: [lines[0], lines[1][:40], *lines[1:]],
}


def check_spoiled(name: str = "a line is missing") -> None:
    lines, _ = chain(3)
    folder = SimulatedFolder({JOURNAL: b"".join(SPOILED[name](lines))})
    with pytest.raises(DamagedStore) as refusal:
        read(folder, NOW)
    assert f"folder/{JOURNAL}, byte {len(lines[0])}: " in str(refusal.value)
    assert "Restore the folder from a backup" in str(refusal.value)
    assert folder.log == [], "the folder was changed"


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


def check_prefixes(size: int = 2_000) -> int:
    """Reads every prefix of a journal of about this size. Returns how many there were."""
    journal, ends, known = busy_journal(size)
    for length in range(len(journal) + 1):
        whole = max(number for number, end in enumerate(ends) if end <= length)
        folder = SimulatedFolder({JOURNAL: journal[:length]})
        check(read(folder, NOW), Possible(known[whole]))
        broken = {name: data for name, data in folder.files().items() if name.endswith(".broken")}
        torn = journal[ends[whole] : length]
        assert broken == ({f"{JOURNAL}.{ends[whole]}.broken": torn} if torn else {})
    return len(journal) + 1


@pytest.mark.timeout(1800)
def test_every_prefix_recovers_to_its_last_whole_line(figure: Callable[[str], None]) -> None:
    figure(f"journal: {check_prefixes(20_000)} prefixes, each recovered to its last whole line")


def check_flipped_bits(step: int) -> str:
    """Flips each bit of every `step`-th byte of a journal of 20 KB. Returns what was done, for a figure."""
    journal, ends, known = busy_journal(20_000)
    assert len(journal) >= 20_000
    last = ends[-2]
    positions = [*range(0, last, step), *range(last, len(journal), step)]
    for position in positions:
        for bit in range(8):
            spoiled = bytearray(journal)
            spoiled[position] ^= 1 << bit
            folder = SimulatedFolder({JOURNAL: bytes(spoiled)})
            store = FileStore(folder, StoreOptions())
            if position >= last:
                notes = store.load(NOW).notes
                assert store.sequence == len(ends) - 2
                assert any(f"folder/{JOURNAL}, byte {last}: " in note for note in notes)
                assert folder.files()[f"{JOURNAL}.{last}.broken"] == spoiled[last:]
                continue
            start = max(end for end in ends if end <= position)
            with pytest.raises(DamagedStore) as refusal:
                store.load(NOW)
            assert re.search(rf"{JOURNAL}, byte {start}: .*\. Restore the folder", str(refusal.value))
            assert folder.log == [], "the folder was changed"
    check(read(SimulatedFolder({JOURNAL: journal}), NOW), Possible(known[-1]))
    return f"{8 * len(positions)} flipped bits of {8 * len(journal)}"


@pytest.mark.timeout(1800)
def test_every_flipped_bit_is_noticed(scale: Scale, figure: Callable[[str], None]) -> None:
    """One in the last line costs that line, which is set aside and reported. Any other stops the start."""
    figure(f"journal: {check_flipped_bits(scale(share=7, full=1))}, each noticed")
