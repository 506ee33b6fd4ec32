"""Recovery: what is read from a folder, and what stops the start."""

import errno
from pathlib import Path

import pytest

from cloud_service.core.changes import Changes, Event
from cloud_service.store.errors import DamagedStore
from cloud_service.store.interface import CheckpointInput
from cloud_service.store.journal import Batch, JournalPosition, encode_line
from tests.kit.batches import (
    Failing,
    booking,
    cancellation,
    checkpoint,
    checkpoint_input,
    open_store,
    registration,
    request,
)
from tests.kit.records import NOW, minutes, reservation
from tests.kit.simulated_disk import SimulatedFolder


def test_a_torn_last_line_is_set_aside_and_reported() -> None:
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


def test_events_of_the_checkpoint_and_of_the_journal_are_pending() -> None:
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


def test_a_long_recovery_logs_its_progress(caplog: pytest.LogCaptureFixture) -> None:
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


def test_a_checkpoint_of_a_later_version_stops_the_start() -> None:
    folder = SimulatedFolder({"checkpoint.json": b'{"format": 5, "whatever": 0}'})
    with pytest.raises(DamagedStore, match="written in format 5, and this version reads formats 1 to 4"):
        open_store(folder)


@pytest.mark.parametrize(
    "name", ["checkpoint.json", "owners_and_ids.json", "descriptions.json", "requests-000000000003.jsonl"]
)
def test_a_damaged_own_file_stops_the_start(name: str) -> None:
    files = {**with_history().files(), name: b"{" * 1_000}
    with pytest.raises(DamagedStore, match=rf"folder/{name}: not what the service wrote: .*\. Restore"):
        open_store(SimulatedFolder(files))


def with_history() -> SimulatedFolder:
    """A folder after a clean stop that has every kind of file."""
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    for change in (registration(), booking(), cancellation()):
        store.append([change], [request(str(store.sequence))], 0, NOW)
        recovered.tables.apply(change)
    store.close(checkpoint_input(recovered), NOW)
    return folder


@pytest.mark.parametrize("name", sorted(with_history().files()))
def test_a_file_that_is_gone_is_not_an_empty_one(name: str) -> None:
    files = with_history().files()
    assert open_store(SimulatedFolder(files))[1].notes == []
    del files[name]
    folder = SimulatedFolder(files)
    with pytest.raises(DamagedStore, match=rf"folder/{name}: missing: .*\. Restore "):
        open_store(folder)
    assert folder.log == [], "something was written"


@pytest.mark.parametrize("name", ["history-2026-03.jsonl", "requests-000000000003.jsonl"])
def test_a_file_that_was_cut_short_is_refused_with_its_place(name: str) -> None:
    files = with_history().files()
    size = len(files[name])
    files[name] = b"".join(files[name].splitlines(keepends=True)[:-1])
    problem = (
        f"folder/{name}, byte {len(files[name])}: has .* and the checkpoint counts {size}: .* are missing"
    )
    with pytest.raises(DamagedStore, match=problem):
        open_store(SimulatedFolder(files))


def test_a_journal_that_was_removed_after_a_crash_is_missed() -> None:
    folder = with_history()
    store, _ = open_store(folder)
    store.append([booking()], [], 0, NOW)
    files = {name: data for name, data in folder.files().items() if not name.startswith("journal")}
    with pytest.raises(
        DamagedStore, match=r"folder/journal-000002\.jsonl: missing: .*since the last checkpoint"
    ):
        open_store(SimulatedFolder(files))


def test_the_three_files_exist_from_the_first_start_on() -> None:
    folder = SimulatedFolder()
    open_store(folder)
    for name in ("charging_stations.json", "charging_points.json", "reservations.json"):
        assert folder.files()[name] == b"[]\n"


def test_a_first_start_that_a_crash_cut_off_is_made_again() -> None:
    """Of the files, any number may be there when there is no checkpoint yet."""
    folder = SimulatedFolder()
    open_store(folder)
    image = folder.image()
    for operation in folder.log:
        image.apply(operation)
        for survivors in (image.survivors(False), image.survivors(True)):
            assert open_store(SimulatedFolder(survivors))[1].notes == []


def test_a_clean_stop_on_a_full_disk_can_be_started_again(caplog: pytest.LogCaptureFixture) -> None:
    """Reads are answered then, as on a disk that gets full later."""
    folder = with_history()
    folder.trouble = Failing("append", "checkpoint.json", number=errno.ENOSPC)
    open_store(folder)
    assert "if the journal is removed, the next start will not notice" in caplog.text


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("checkpoint.json", b"segment"),
        ("owners_and_ids.json", b"lastStationID"),
        ("descriptions.json", b"stations"),
    ],
)
def test_an_unknown_field_in_an_own_file_stops_the_start(name: str, key: bytes) -> None:
    """Otherwise, a letter that the disk changed would read as if the field were missing."""
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    store.append([registration()], [], 0, NOW)
    recovered.tables.apply(registration())
    checkpoint(store, checkpoint_input(recovered), NOW)
    files = folder.files()
    files[name] = files[name].replace(key, key[:-1] + b"~")

    with pytest.raises(DamagedStore, match=rf"folder/{name}: not what the service wrote: .*unknown field"):
        open_store(SimulatedFolder(files))


FORMS = sorted(
    path for path in (Path(__file__).parents[2] / "stack" / "data_forms").iterdir() if path.is_dir()
)


@pytest.mark.parametrize("form", [form for form in FORMS if "-" in form.name], ids=lambda form: form.name)
def test_a_folder_of_every_form_before_is_read(form: Path) -> None:
    """tests/stack starts the service on each of them, too."""
    folder = SimulatedFolder({file.name: file.read_bytes() for file in form.iterdir()})
    store, recovered = open_store(folder)
    tables = recovered.tables
    assert {key: row.location for key, row in tables.stations.items()} == {1: (1, 2), 2: (3.5, -4)}
    assert {key: (row.power, row.kwh_price) for key, row in tables.points.items()} == {
        (1, 1): (22, 0.9),
        (1, 2): (7.2, 0.5),
    }
    assert [(key, row.vehicle_id) for key, row in tables.reservations.items()] == [((1, 1, 1), 7)]
    assert (tables.last_station_id, recovered.notes) == (2, [])
    assert store.sequence == (0 if form.name == "old-server" else 5)
    store.close(checkpoint_input(recovered), NOW)
    assert open_store(SimulatedFolder(folder.files()))[1].tables == tables
