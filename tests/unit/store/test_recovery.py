"""Recovery: what is read from a folder, and what stops the start."""

from pathlib import Path

import pytest

from cloud_service.core.changes import Changes, Event
from cloud_service.store.errors import DamagedStore
from cloud_service.store.interface import CheckpointInput
from cloud_service.store.journal import Batch, JournalPosition, encode_line
from tests.kit.batches import (
    booking,
    checkpoint,
    checkpoint_input,
    open_store,
    registration,
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
    folder = SimulatedFolder({"checkpoint.json": b'{"format": 2, "whatever": 0}'})
    with pytest.raises(DamagedStore, match="written in format 2, and this version reads format 1"):
        open_store(folder)


@pytest.mark.parametrize("name", ["checkpoint.json", "owners_and_ids.json", "requests-000000000000.jsonl"])
def test_a_damaged_own_file_stops_the_start(name: str) -> None:
    with pytest.raises(DamagedStore, match=rf"folder/{name}: not what the service wrote: .*\. Restore"):
        open_store(SimulatedFolder({name: b"{"}))


@pytest.mark.parametrize("name", ["checkpoint.json", "owners_and_ids.json"])
def test_an_unknown_field_in_an_own_file_stops_the_start(name: str) -> None:
    """Otherwise, a letter that the disk changed would read as if the field were missing."""
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
