"""A journal that is cut, flipped or reordered, and what a recovery may make of it."""

import re
from collections.abc import Callable
from datetime import timedelta
from random import Random

import pytest

from cloud_service.service.engine.engine import Engine
from cloud_service.service.engine.limits import EngineLimits
from cloud_service.store.errors import DamagedStore
from cloud_service.store.file_store import FileStore, StoreOptions
from cloud_service.store.journal import Batch, JournalPosition, encode_line
from tests.faults.traffic import Traffic
from tests.faults.witness import Knowledge, Possible, Witness, check, read
from tests.kit.batches import booking, registration, request
from tests.kit.records import NOW
from tests.kit.simulated_disk import SimulatedFolder

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
