"""The journal's writer: segments follow each other, and none is used after a failed sync."""

import pytest

from cloud_service.store.errors import SyncFailed
from cloud_service.store.journal import JournalPosition, SegmentReader
from cloud_service.store.journal_writer import JournalWriter
from tests.kit.batches import Failing, booking, registration, request
from tests.kit.records import NOW
from tests.kit.simulated_disk import SimulatedFolder


def opened(folder: SimulatedFolder, position: JournalPosition, last_segment: int) -> JournalWriter:
    journal = JournalWriter(folder)
    journal.open(position, last_segment)
    return journal


def test_nothing_is_appended_before_it_is_open() -> None:
    journal = JournalWriter(SimulatedFolder())
    assert (journal.is_open, journal.segment_bytes) == (False, 0)
    with pytest.raises(SyncFailed, match="folder/: has to be loaded again"):
        journal.append([], [], 0, NOW)


def test_it_continues_at_a_position_in_the_next_segment() -> None:
    folder = SimulatedFolder()
    start = JournalPosition(7, "0123abcd")
    journal = opened(folder, start, 3)
    batch = journal.append([registration()], [request("a")], 5, NOW)
    journal.begin_segment()
    later = journal.append([booking()], [], 6, NOW)
    assert (batch.sequence, batch.previous, batch.delivered) == (8, "0123abcd", 5)
    assert (later.sequence, journal.position.sequence) == (9, 9)
    assert (journal.segment_number, journal.segment_bytes) == (5, len(folder.files()["journal-000005.jsonl"]))
    first = SegmentReader("", folder.files()["journal-000004.jsonl"], start)
    assert list(first.batches()) == [batch]
    second = SegmentReader("", folder.files()["journal-000005.jsonl"], first.position)
    assert list(second.batches()) == [later]
    assert second.position == journal.position


def test_a_segment_that_cannot_begin_leaves_the_one_before_in_use() -> None:
    folder = SimulatedFolder()
    journal = opened(folder, JournalPosition(), 0)
    folder.trouble = Failing("sync names", "")
    with pytest.raises(OSError, match="as the test wants it"):
        journal.begin_segment()
    assert journal.segment_number == 1
    journal.append([], [], 0, NOW)
    journal.begin_segment()
    assert journal.segment_number == 3, "the number of a segment was used twice"


def test_an_abandoned_segment_is_not_written() -> None:
    folder = SimulatedFolder()
    journal = opened(folder, JournalPosition(), 0)
    journal.abandon_segment()
    journal.abandon_segment()
    with pytest.raises(SyncFailed):
        journal.append([], [], 0, NOW)
    assert folder.files() == {"journal-000001.jsonl": b""}
