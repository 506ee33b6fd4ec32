"""Recovery and checkpoints of the store on files."""

import errno
import json
from datetime import timedelta
from pathlib import Path
from unittest.mock import Mock

import pytest

from cloud_service.core.changes import Changes, Event
from cloud_service.store.errors import DamagedStore, SyncFailed, WriteFailed
from cloud_service.store.file_store import FileStore, StoreOptions
from cloud_service.store.filesystem import DiskFolder, FolderLocked
from cloud_service.store.interface import CheckpointInput
from cloud_service.store.journal import Batch, JournalPosition, encode_line
from cloud_service.store.json_files import ChargingStationsFile
from tests.faults.power_loss import SimulatedFolder
from tests.unit.core.samples import NOW, minutes, reservation
from tests.unit.store.samples import (
    BOOKED_POINT,
    BOOKING,
    STATION,
    booking,
    cancellation,
    checkpoint,
    checkpoint_input,
    open_store,
    registration,
    request,
)


def journal_of(folder: SimulatedFolder) -> dict[str, bytes]:
    return {name: data for name, data in folder.files().items() if name.startswith("journal-")}


class Failing:
    """Trouble for one kind of operation on files whose names begin like this, so many times."""

    def __init__(self, operation: str, name: str, times: int = 1, number: int = errno.EIO) -> None:
        self.operation, self.name, self.times, self.number = operation, name, times, number

    def __call__(self, operation: str, name: str) -> OSError | None:
        if operation != self.operation or not name.startswith(self.name) or not self.times:
            return None
        self.times -= 1
        return OSError(self.number, "as the test wants it")


def test_a_torn_last_line_is_set_aside_cut_and_reported() -> None:
    folder = SimulatedFolder()
    store, _ = open_store(folder)
    store.append([registration()], [], 0, NOW)
    whole = folder.files()["journal-000001.jsonl"]
    files = {**folder.files(), "journal-000001.jsonl": whole + b'{"checksum":"0123'}
    folder = SimulatedFolder(files)
    store, recovered = open_store(folder)
    (note,) = recovered.notes
    assert note.startswith(f"folder/journal-000001.jsonl, byte {len(whole)}: the last 17 bytes")
    assert folder.files()[f"journal-000001.jsonl.{len(whole)}.broken"] == b'{"checksum":"0123'
    assert folder.files()["journal-000001.jsonl"] == whole
    assert store.append([booking()], [], 0, NOW) == 2
    assert open_store(folder)[1].notes == []


def test_a_checkpoint_leaves_one_empty_segment_and_readable_files() -> None:
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    changes = [registration(), booking()]
    store.append(changes, [request("a")], 0, NOW)
    for change in changes:
        recovered.tables.apply(change)
    checkpoint(store, checkpoint_input(recovered), NOW)
    assert journal_of(folder) == {"journal-000002.jsonl": b""}
    assert json.loads(folder.files()["reservations.json"]) == [BOOKING.public()]
    assert json.loads(folder.files()["charging_points.json"]) == [BOOKED_POINT.public()]
    assert json.loads(folder.files()["charging_stations.json"]) == [STATION.public()]


def test_no_checkpoint_without_anything_new() -> None:
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
        assert "checkpoint.json" not in folder.files()
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
    assert history(folder, "2026-03") == [(1, "reservationCancelled")]


def history(folder: SimulatedFolder, month: str) -> list[tuple[int, str]]:
    lines = folder.files()[f"history-{month}.jsonl"].splitlines()
    return [(row["sequence"], row["type"]) for row in map(json.loads, lines)]


def test_what_ended_goes_into_the_history_once_by_month() -> None:
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    store.append([registration(), booking()], [], 0, NOW)
    store.append([cancellation(NOW)], [], 0, NOW)
    checkpoint(store, checkpoint_input(recovered), NOW)
    store.append([cancellation(NOW + timedelta(days=40))], [], 0, NOW)
    store.append([cancellation(NOW)], [], 0, NOW)
    store.close(checkpoint_input(recovered), NOW)
    assert history(folder, "2026-03") == [(2, "reservationCancelled"), (4, "reservationCancelled")]
    assert history(folder, "2026-04") == [(3, "reservationCancelled")]


def test_history_behind_what_counts_is_cut() -> None:
    """It was written for a checkpoint that did not come about; the journal has it still."""
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    store.append([registration(), booking(), cancellation()], [], 0, NOW)
    folder = SimulatedFolder({**folder.files(), "history-2026-03.jsonl": b'{"half'})
    store, recovered = open_store(folder)
    store.close(checkpoint_input(recovered), NOW)
    assert history(folder, "2026-03") == [(1, "reservationCancelled")]


def test_history_that_an_operator_took_away_begins_anew() -> None:
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    store.append([registration(), booking(), cancellation()], [], 0, NOW)
    store.close(checkpoint_input(recovered), NOW)
    files = {name: data for name, data in folder.files().items() if not name.startswith("history")}
    folder = SimulatedFolder(files)
    store, recovered = open_store(folder)
    store.append([cancellation()], [], 0, NOW)
    store.close(checkpoint_input(recovered), NOW)
    assert history(folder, "2026-03") == [(2, "reservationCancelled")]


def test_remembered_requests_go_with_whole_files() -> None:
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
    assert not journal_of(folder)
    assert not [name for name in folder.names() if name.endswith(".new")]
    store, _ = open_store(folder)
    assert store.append([booking()], [], 0, NOW) == 2


def test_a_checkpoint_of_a_later_version_stops_the_start() -> None:
    folder = SimulatedFolder({"checkpoint.json": b'{"format": 2, "whatever": 0}'})
    with pytest.raises(DamagedStore, match="written in format 2, and this version reads format 1"):
        open_store(folder)


@pytest.mark.parametrize("name", ["checkpoint.json", "owners_and_ids.json", "requests-000000000000.jsonl"])
def test_a_damaged_file_of_the_service_s_own_stops_the_start(name: str) -> None:
    with pytest.raises(DamagedStore, match=rf"folder/{name}: not what the service wrote: .*\. Restore"):
        open_store(SimulatedFolder({name: b"{"}))


@pytest.mark.parametrize("name", ["checkpoint.json", "owners_and_ids.json"])
def test_a_name_in_the_service_s_own_files_that_it_does_not_know_stops_the_start(name: str) -> None:
    """A letter that the disk has changed would else read as if nothing were there."""
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    store.append([registration()], [], 0, NOW)
    recovered.tables.apply(registration())
    checkpoint(store, checkpoint_input(recovered), NOW)
    files = folder.files()
    key = b"segment" if name == "checkpoint.json" else b"lastStationID"
    files[name] = files[name].replace(key, key[:-1] + b"~")

    with pytest.raises(DamagedStore, match=rf"folder/{name}: not what the service wrote: .*unknown field"):
        open_store(SimulatedFolder(files))


def test_a_full_disk_changes_nothing_and_passes() -> None:
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


def test_a_disk_that_takes_nothing_and_says_nothing_is_full() -> None:
    folder = SimulatedFolder()
    store, _ = open_store(folder)
    folder.trouble = lambda operation, name: 0 if operation == "append" else None
    with pytest.raises(WriteFailed, match="the disk accepts no more data"):
        store.append([registration()], [], 0, NOW)


def test_after_a_failed_sync_only_reading_anew_helps() -> None:
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


def test_a_part_of_a_line_that_cannot_be_cut_makes_the_segment_untrustworthy() -> None:
    folder = SimulatedFolder()
    store, _ = open_store(folder)
    answers: list[OSError | int] = [10, OSError(errno.EIO, "append"), OSError(errno.EIO, "truncate")]
    folder.trouble = lambda operation, name: answers.pop(0) if answers else None
    with pytest.raises(SyncFailed, match="cutting it back failed"):
        store.append([registration()], [], 0, NOW)
    recovered = store.load(NOW)
    assert len(recovered.notes) == 1
    assert store.append([registration()], [], 0, NOW) == 1


def test_loading_can_be_tried_until_the_disk_is_well() -> None:
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


def test_a_folder_is_one_process_s(tmp_path: Path) -> None:
    folder = DiskFolder(tmp_path)
    with pytest.raises(FolderLocked, match=f"{tmp_path} is in use by another cloud service"):
        DiskFolder(tmp_path)
    folder.close()
    DiskFolder(tmp_path).close()


def test_events_of_the_checkpoint_and_of_the_journal_are_told_again() -> None:
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    store.append([registration(), booking()], [], 0, NOW)
    event = booking().events[0]
    state = CheckpointInput(recovered.tables, 0, [(1, event)], 1)
    checkpoint(store, state, NOW)
    other = reservation(2, NOW + minutes(90), NOW + minutes(95), "ben")
    later = Event("reservationScheduled", NOW, "requested", other, "owner")
    store.append([Changes(reservations=(other,), events=(later,))], [], 0, NOW)
    assert open_store(SimulatedFolder(folder.files()))[1].pending_events == [(1, event), (2, later)]
    store.append([], [], 1, NOW)
    assert open_store(folder)[1].pending_events == [(2, later)]


def test_a_long_recovery_says_how_far_it_is(caplog: pytest.LogCaptureFixture) -> None:
    position, lines = JournalPosition(), []
    for number in range(1, 40_001):
        line, position = encode_line(Batch(number, position.checksum, NOW))
        lines.append(line)
    with caplog.at_level("INFO"):
        store, _ = open_store(SimulatedFolder({"journal-000001.jsonl": b"".join(lines)}))
    assert store.sequence == 40_000
    assert caplog.messages[-2:] == [
        "recovery: 20000 lines of the journal replayed",
        "recovery: 40000 lines of the journal replayed",
    ]


def test_a_checkpoint_that_fails_by_anything_forgets_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
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
