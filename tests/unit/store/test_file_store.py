"""Batches on a disk that is full or fails."""

import errno
from datetime import timedelta

import pytest

from cloud_service.store.errors import SyncFailed, WriteFailed
from cloud_service.store.interface import CheckpointInput
from tests.kit.batches import (
    BOOKING,
    Failing,
    booking,
    cancellation,
    open_store,
    registration,
)
from tests.kit.records import NOW
from tests.kit.simulated_disk import SimulatedFolder


def test_a_full_disk_changes_nothing_until_it_has_space_again() -> None:
    folder = SimulatedFolder()
    store, _ = open_store(folder)
    store.append([registration()], [], 0, NOW)
    before = folder.files()
    folder.trouble = Failing("append", "journal", times=3, number=errno.ENOSPC)
    for _ in range(3):
        with pytest.raises(WriteFailed, match=r"folder/journal-000001\.jsonl: "):
            store.append([booking()], [], 0, NOW)
    assert folder.files() == before
    assert store.append([booking()], [], 0, NOW) == 2


def test_a_short_write_is_cut_back() -> None:
    folder = SimulatedFolder()
    store, _ = open_store(folder)
    store.append([registration()], [], 0, NOW)
    before = folder.files()
    answers: list[OSError | int] = [10, OSError(errno.ENOSPC, "full")]
    folder.trouble = lambda operation, name: answers.pop(0) if operation == "append" and answers else None
    with pytest.raises(WriteFailed):
        store.append([booking()], [], 0, NOW)
    assert folder.files() == before
    assert store.append([booking()], [], 0, NOW) == 2
    assert open_store(folder)[0].sequence == 2


def test_a_write_of_nothing_counts_as_a_full_disk() -> None:
    folder = SimulatedFolder()
    store, _ = open_store(folder)
    folder.trouble = lambda operation, name: 0 if operation == "append" else None
    with pytest.raises(WriteFailed, match="the disk accepts no more data"):
        store.append([registration()], [], 0, NOW)


def test_after_a_failed_sync_the_store_has_to_be_loaded_again() -> None:
    folder = SimulatedFolder()
    store, _ = open_store(folder)
    store.append([registration()], [], 0, NOW)
    folder.trouble = Failing("sync", "journal")
    with pytest.raises(SyncFailed):
        store.append([booking()], [], 0, NOW)
    written = len(folder.log)
    with pytest.raises(SyncFailed, match="has to be loaded again"):
        store.append([booking()], [], 0, NOW)
    store.maintain(
        CheckpointInput(open_store(SimulatedFolder())[1].tables, 0, [], 1), NOW + timedelta(days=1)
    )
    assert len(folder.log) == written, "something was written after a failed sync"
    recovered = store.load(NOW)
    assert BOOKING.key in recovered.tables.reservations, "the line was whole, so it counts"
    assert store.append([cancellation()], [], 0, NOW) == 3


def test_a_part_of_a_line_that_cannot_be_cut_off_ends_the_segment() -> None:
    folder = SimulatedFolder()
    store, _ = open_store(folder)
    answers: list[OSError | int] = [10, OSError(errno.EIO, "append"), OSError(errno.EIO, "truncate")]
    folder.trouble = lambda operation, name: answers.pop(0) if answers else None
    with pytest.raises(SyncFailed, match="cutting it back failed"):
        store.append([registration()], [], 0, NOW)
    recovered = store.load(NOW)
    assert len(recovered.notes) == 1
    assert store.append([registration()], [], 0, NOW) == 1


def test_loading_can_be_tried_until_the_disk_works() -> None:
    folder = SimulatedFolder()
    store, _ = open_store(folder)
    store.append([registration()], [], 0, NOW)
    folder.trouble = Failing("sync", "journal", times=4)
    with pytest.raises(SyncFailed):
        store.append([booking()], [], 0, NOW)
    attempts = 0
    while True:
        try:
            recovered = store.load(NOW)
            break
        except OSError:
            attempts += 1
    assert attempts == 3
    assert BOOKING.key in recovered.tables.reservations
