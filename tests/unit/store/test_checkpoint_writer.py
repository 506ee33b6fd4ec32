"""Checkpoints: when they are made, what they leave, and what becomes of one that fails."""

import errno
import json
from datetime import timedelta
from threading import Event as Flag
from unittest.mock import Mock

import pytest

from cloud_service.core.changes import Changes
from cloud_service.core.tables import Tables
from cloud_service.store.checkpoint import BEFORE_THE_FIRST, Checkpoint, read_checkpoint
from cloud_service.store.checkpoint_writer import CheckpointCancelled, CheckpointWriter, JournalTail
from cloud_service.store.file_store import FileStore, StoreOptions
from cloud_service.store.interface import CheckpointInput
from cloud_service.store.journal import Batch
from cloud_service.store.json_files import ChargingStationsFile
from tests.kit.batches import (
    BOOKED_POINT,
    BOOKING,
    STATION,
    Failing,
    booking,
    cancellation,
    checkpoint,
    checkpoint_input,
    history_of,
    open_store,
    registration,
    request,
)
from tests.kit.records import NOW
from tests.kit.simulated_disk import Rename, SimulatedFolder
from tests.kit.waiting import DEADLINE


def segments_of(folder: SimulatedFolder) -> dict[str, bytes]:
    return {name: data for name, data in folder.files().items() if name.startswith("journal-")}


def test_a_checkpoint_leaves_one_empty_segment_and_readable_files() -> None:
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    changes = [registration(), booking()]
    store.append(changes, [request("a")], 0, NOW)
    for change in changes:
        recovered.tables.apply(change)
    checkpoint(store, checkpoint_input(recovered), NOW)
    assert segments_of(folder) == {"journal-000002.jsonl": b""}
    assert json.loads(folder.files()["reservations.json"]) == [BOOKING.public()]
    assert json.loads(folder.files()["charging_points.json"]) == [BOOKED_POINT.public()]
    assert json.loads(folder.files()["charging_stations.json"]) == [STATION.public()]


def test_there_is_no_checkpoint_without_new_batches() -> None:
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    before = len(folder.log)
    checkpoint(store, checkpoint_input(recovered), NOW)
    assert len(folder.log) == before


def test_a_full_journal_brings_the_checkpoint_early() -> None:
    folder = SimulatedFolder()
    store = FileStore(folder, StoreOptions(checkpoint_bytes=1_000))
    recovered = store.load(NOW)
    while len(folder.files()["journal-000001.jsonl"]) < 1_000:
        store.maintain(checkpoint_input(recovered), NOW)
        assert "journal-000002.jsonl" not in folder.files()
        store.append([registration()], [request(str(store.sequence))], 0, NOW)
    store.maintain(checkpoint_input(recovered), NOW)
    assert "journal-000002.jsonl" in folder.files()


def test_batches_during_a_checkpoint_stay_in_the_journal() -> None:
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    store.append([registration()], [], 0, NOW)
    recovered.tables.apply(registration())
    store.maintain(checkpoint_input(recovered), NOW + timedelta(hours=1))
    store.append([booking()], [request("late")], 0, NOW)
    recovered.tables.apply(booking())
    store, again = open_store(folder)
    assert again.tables == recovered.tables
    assert [memory.request.identity for memory in again.remembered] == ["text:late"]


def test_a_failed_checkpoint_loses_nothing_and_is_made_later(caplog: pytest.LogCaptureFixture) -> None:
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    changes = [registration(), booking(), cancellation()]
    store.append(changes, [request("a")], 0, NOW)
    for change in changes:
        recovered.tables.apply(change)
    folder.trouble = Failing("rename", "checkpoint.json", number=errno.ENOSPC)
    checkpoint(store, checkpoint_input(recovered), NOW)
    assert "checkpoint failed, the journal keeps growing" in caplog.text
    assert open_store(SimulatedFolder(folder.files()))[1].tables == recovered.tables
    store.append([booking()], [request("b")], 0, NOW)
    recovered.tables.apply(booking())
    checkpoint(store, checkpoint_input(recovered), NOW + timedelta(hours=2))
    again = open_store(SimulatedFolder(folder.files()))[1]
    assert again.tables == recovered.tables
    assert {memory.request.identity for memory in again.remembered} == {"text:a", "text:b"}
    assert history_of(folder, "2026-03") == [(1, "reservationCancelled")]


def test_a_checkpoint_that_fails_by_any_error_forgets_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = SimulatedFolder()
    store, recovered = open_store(folder)

    def remember(identity: str, *changes: Changes) -> None:
        store.append(list(changes), [request(identity)], 0, NOW)
        for change in changes:
            recovered.tables.apply(change)

    remember("first", registration())
    with monkeypatch.context() as patch:
        patch.setattr(ChargingStationsFile, "write", Mock(side_effect=MemoryError))
        checkpoint(store, CheckpointInput(recovered.tables, store.sequence, [], 1), NOW)
    remember("second", booking(), cancellation())
    checkpoint(store, CheckpointInput(recovered.tables, store.sequence, [], 1), NOW + timedelta(hours=2))

    _, again = open_store(SimulatedFolder(folder.files()))
    assert [memory.request.identity for memory in again.remembered] == ["text:first", "text:second"]


def test_a_running_checkpoint_is_cancelled_by_the_last_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Otherwise, stopping a large network takes twice as long."""
    closing = Flag()
    cancel = CheckpointWriter.cancel

    def tell(writer: CheckpointWriter) -> None:
        cancel(writer)
        closing.set()

    monkeypatch.setattr(CheckpointWriter, "cancel", tell)

    def hold(operation: str, name: str) -> None:
        if (operation, name) == ("append", "charging_stations.json.new"):
            assert closing.wait(DEADLINE), "the store is closed"

    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    for change in (registration(), booking()):
        store.append([change], [request("a")], 0, NOW)
        recovered.tables.apply(change)
    folder.trouble = hold
    store.maintain(checkpoint_input(recovered), NOW + timedelta(hours=1))
    store.close(checkpoint_input(recovered), NOW + timedelta(hours=1))

    renamed = [operation.new for operation in folder.log if isinstance(operation, Rename)]
    assert renamed.count("charging_stations.json") == 3, "at the start, and twice later"
    assert renamed.count("charging_points.json") == 2, "the checkpoint under way was not cancelled"
    assert "checkpoint failed" not in caplog.text
    assert len(json.loads(folder.files()["reservations.json"])) == 1
    again = open_store(folder)[1]
    assert again.tables == recovered.tables
    assert [memory.request for memory in again.remembered] == [request("a"), request("a")]


def test_setting_the_clock_back_does_not_delay_checkpoints() -> None:
    folder = SimulatedFolder()
    store = FileStore(folder, StoreOptions(checkpoint_seconds=300))
    recovered = store.load(NOW)
    store.append([registration()], [], 0, NOW)
    recovered.tables.apply(registration())

    store.maintain(checkpoint_input(recovered), NOW + timedelta(seconds=299))
    assert "journal-000002.jsonl" not in folder.files()
    checkpoint(store, checkpoint_input(recovered), NOW - timedelta(hours=10))

    assert json.loads(folder.files()["charging_stations.json"])


def test_request_records_are_removed_file_by_file() -> None:
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    for hour in range(4):
        store.append([], [request(str(hour))], 0, NOW)
        checkpoint(store, checkpoint_input(recovered, oldest=3), NOW + timedelta(hours=2 * hour))
    assert [name for name in folder.names() if name.startswith("requests")] == [
        "requests-000000000003.jsonl",
        "requests-000000000004.jsonl",
    ]


def test_a_clean_stop_leaves_no_journal() -> None:
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    store.append([registration()], [], 0, NOW)
    recovered.tables.apply(registration())
    store.close(checkpoint_input(recovered), NOW)
    assert not segments_of(folder)
    assert not [name for name in folder.names() if name.endswith(".new")]
    store, _ = open_store(folder)
    assert store.append([booking()], [], 0, NOW) == 2


def test_a_checkpoint_may_fail_for_days(caplog: pytest.LogCaptureFixture) -> None:
    """The time between two attempts stops growing at five minutes."""
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    store.append([registration()], [], 0, NOW)
    folder.trouble = Failing("create", "journal", times=1_100, number=errno.ENOSPC)
    for attempt in range(1, 1_101):
        store.maintain(checkpoint_input(recovered), NOW + timedelta(hours=attempt))
    assert caplog.messages[0].endswith("next attempt in 2 s")
    assert caplog.messages[-1].endswith("next attempt in 300 s")
    assert len(caplog.messages) == 1_100
    recovered.tables.apply(registration())
    checkpoint(store, checkpoint_input(recovered), NOW + timedelta(hours=2_000))
    assert open_store(SimulatedFolder(folder.files()))[1].tables == recovered.tables


def writer_of(folder: SimulatedFolder, tail: JournalTail) -> CheckpointWriter:
    tables = Tables()
    tables.apply(registration())
    return CheckpointWriter(folder, tables, Checkpoint(sequence=1, segment=2), tail, 1)


def tail_of(sequence: int, *changes: Changes) -> JournalTail:
    tail = JournalTail()
    tail.add(Batch(sequence, "00000000", NOW, changes, (request(str(sequence)),)))
    return tail


def test_a_tail_has_what_leaves_the_journal() -> None:
    first, second = tail_of(1, registration(), booking()), tail_of(2, cancellation())
    tail = first.followed_by(second)
    assert tail.batches == 2
    assert [row.sequence for row in tail.requests] == [1, 2]
    assert [(sequence, event.type) for sequence, event in tail.endings] == [(2, "reservationCancelled")]
    assert (first.batches, second.batches) == (1, 1)


def test_a_future_ends_with_the_checkpoint() -> None:
    folder = SimulatedFolder({"journal-000001.jsonl": b"", "journal-000002.jsonl": b""})
    writer = writer_of(folder, tail_of(1, cancellation()))
    assert writer.start().result(DEADLINE) is None
    assert read_checkpoint(folder).sequence == 1
    assert list(segments_of(folder)) == ["journal-000002.jsonl"]
    assert writer.history_sizes == read_checkpoint(folder).sizes
    assert writer.history_sizes.keys() == {"history-2026-03.jsonl"}


def test_a_future_has_the_error_of_the_checkpoint() -> None:
    folder = SimulatedFolder()
    folder.trouble = Failing("rename", "reservations.json", number=errno.ENOSPC)
    writer = writer_of(folder, tail_of(1, cancellation()))
    error = writer.start().exception(DEADLINE)
    assert isinstance(error, OSError)
    assert error.errno == errno.ENOSPC
    assert (writer.history_sizes, len(writer.tail.endings)) == ({}, 1)


def test_history_counts_although_its_checkpoint_fails() -> None:
    folder = SimulatedFolder()
    folder.trouble = Failing("rename", "checkpoint.json")
    writer = writer_of(folder, tail_of(1, cancellation()))
    with pytest.raises(OSError, match="as the test wants it"):
        writer.write()
    assert writer.history_sizes == {"history-2026-03.jsonl": len(folder.files()["history-2026-03.jsonl"])}
    assert (writer.tail.endings, len(writer.tail.requests)) == ([], 1)


def test_a_cancelled_checkpoint_leaves_the_last_one() -> None:
    folder = SimulatedFolder({"charging_stations.json": b"[]\n"})
    writer = writer_of(folder, tail_of(1, cancellation()))
    writer.cancel()
    with pytest.raises(CheckpointCancelled):
        writer.write()
    assert folder.files()["charging_stations.json"] == b"[]\n"
    assert read_checkpoint(folder) == BEFORE_THE_FIRST
