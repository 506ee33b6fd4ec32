"""Sessions, states, wishes and tariffs, in a file of the service's own."""

import json
from datetime import timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from cloud_service.core.changes import Changes
from cloud_service.core.sessions import Absence, Session
from cloud_service.core.tables import Tables
from cloud_service.core.tariffs import TariffElement
from cloud_service.core.wishes import Booked, Need, Wishes
from cloud_service.store.backup import back_up
from cloud_service.store.checkpoint import FORMAT
from cloud_service.store.errors import DamagedStore
from cloud_service.store.file_store import FileStore
from cloud_service.store.filesystem import DiskFolder, Folder
from cloud_service.store.operation import read_operation, write_operation
from cloud_service.store.restore import restore
from cloud_service.store.snapshot import take_snapshot
from tests.kit.batches import BOOKING, POINT, STATION, checkpoint, checkpoint_input, open_store
from tests.kit.records import NOW, minutes, point, reservation, station
from tests.kit.simulated_disk import SimulatedFolder

FILE = "operation.json"
FOR_PEOPLE = ("charging_stations.json", "charging_points.json", "reservations.json")

NIGHT = TariffElement(0.5, "22:00", "06:00", ("MONDAY", "SUNDAY"))
CHARGING = replace(
    POINT,
    availability="ocupado",
    last_reservation_id=1,
    tells_sessions=True,
    tariff=(NIGHT, TariffElement(1)),
)
BROKEN = replace(point(1, 2), operational=False, last_reservation_id=1, availability="reservado")
ACTIVE = replace(BOOKING, state="active", need=Need(1, 2.5, 20, 50))
WISHING = replace(
    reservation(1, NOW + minutes(90), NOW + minutes(120), "ben", (1, 2)),
    need=Need(0, 0, 99.5, 40),
    wishes=Wishes(
        "cheapest", 50, 120.5, 30, 11, 0.9, NOW + minutes(60), 1, 2, connector="CHADEMO", flexible=True
    ),
    booked=Booked(NOW - timedelta(seconds=1), 7),
)
SESSION = Session(1, 1, NOW, BOOKING.finish, BOOKING.finish, NOW, BOOKING.key, BOOKING.vehicle)
ABSENCE = Absence("ana", NOW)
IN_OPERATION = Changes(
    stations=(replace(STATION, last_point_id=2),),
    points=(CHARGING, BROKEN),
    reservations=(ACTIVE, WISHING),
    last_station_id=1,
    sessions=(SESSION,),
    absences=(ABSENCE,),
)


def tables_of(*changes: Changes) -> Tables:
    tables = Tables()
    for change in changes:
        tables.apply(change)
    return tables


def running(folder: Folder, *changes: Changes) -> FileStore:
    """A store with these changes in its journal."""
    store, _ = open_store(folder)
    for change in changes:
        store.append([change], [], 0, NOW)
    return store


def stopped(*changes: Changes) -> SimulatedFolder:
    """A folder after a clean stop, which followed these changes."""
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    for change in changes:
        store.append([change], [], 0, NOW)
        recovered.tables.apply(change)
    store.close(checkpoint_input(recovered), NOW)
    return folder


@pytest.mark.parametrize("ended", ["stopped", "killed", "killed after a checkpoint"])
def test_everything_is_there_at_the_next_start(ended: str) -> None:
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    store.append([IN_OPERATION], [], 0, NOW)
    recovered.tables.apply(IN_OPERATION)
    if ended == "stopped":
        store.close(checkpoint_input(recovered), NOW)
    elif ended == "killed after a checkpoint":
        checkpoint(store, checkpoint_input(recovered), NOW)
    again = open_store(SimulatedFolder(folder.files()))[1]
    assert again.tables == tables_of(IN_OPERATION)
    assert again.notes == []


def test_the_three_files_have_nothing_of_it() -> None:
    files = stopped(IN_OPERATION).files()
    words = (b"active", b"flexible", b"cheapest", b"operational", b"22:00", b"CHADEMO")
    assert not any(word in files[name] for name in FOR_PEOPLE for word in words)


def test_the_file_has_what_is_unusual_and_nothing_else() -> None:
    plain = Changes(
        stations=(replace(STATION, last_point_id=2),),
        points=(replace(CHARGING, tells_sessions=False, tariff=()), point(1, 2)),
        reservations=(BOOKING,),
        last_station_id=1,
    )
    empty: dict[str, list[object]] = {"points": [], "reservations": [], "sessions": [], "absences": []}
    assert json.loads(stopped(plain).files()[FILE]) == empty


def test_what_ended_after_a_checkpoint_stays_ended() -> None:
    folder = stopped(IN_OPERATION)
    ended = Changes(
        removed_reservations=(ACTIVE.key,),
        points=(replace(CHARGING, availability="livre", tariff=()), replace(BROKEN, operational=True)),
        reservations=(replace(WISHING, wishes=Wishes(), booked=None),),
        removed_sessions=(SESSION.key,),
        removed_absences=("ana",),
    )
    running(folder, ended)
    again = open_store(SimulatedFolder(folder.files()))[1]
    assert again.tables == tables_of(IN_OPERATION, ended)
    assert again.notes == []


def test_a_station_that_is_deleted_takes_its_session_along() -> None:
    folder = stopped(IN_OPERATION)
    gone = Changes(
        removed_stations=(1,),
        removed_points=(CHARGING.key, BROKEN.key),
        removed_reservations=(ACTIVE.key, WISHING.key),
        removed_sessions=(CHARGING.key, BROKEN.key),
    )
    running(folder, gone)
    again = open_store(folder)[1]
    assert (again.tables.sessions, again.notes) == ({}, [])


def test_a_folder_without_the_file_is_refused_after_a_checkpoint() -> None:
    files = stopped(IN_OPERATION).files()
    del files[FILE]
    folder = SimulatedFolder(files)
    with pytest.raises(DamagedStore, match=rf"folder/{FILE}: missing: it holds sessions, .*\. Restore "):
        open_store(folder)
    assert folder.log == [], "something was written"


@pytest.mark.parametrize(
    ("right", "wrong"),
    [(b'"active"', b'"completed"'), (b"[1,2,false,", b"[1,2,"), (b'"absences"', b'"absents"')],
)
def test_a_damaged_file_is_refused(right: bytes, wrong: bytes) -> None:
    files = stopped(IN_OPERATION).files()
    damaged = files[FILE].replace(right, wrong)
    with pytest.raises(DamagedStore, match=rf"folder/{FILE}: not what the service wrote"):
        open_store(SimulatedFolder({**files, FILE: damaged}))


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_folder_of_a_format_before_has_no_such_file(number: int) -> None:
    """What has its name there is a stranger's, and the first checkpoint replaces it."""
    files = stopped(IN_OPERATION).files()
    older = json.loads(files["checkpoint.json"]) | {"format": number}
    files |= {"checkpoint.json": json.dumps(older).encode(), FILE: b"somebody's notes"}
    folder = SimulatedFolder(files)
    tables = open_store(folder)[1].tables
    assert tables.reservations[ACTIVE.key] == BOOKING
    assert (tables.sessions, tables.absences, tables.points[1, 2].operational) == ({}, {}, True)
    assert json.loads(folder.files()["checkpoint.json"])["format"] == FORMAT
    assert json.loads(folder.files()[FILE])["sessions"] == []


def test_it_is_read_as_it_was_written() -> None:
    folder = SimulatedFolder()
    tables = tables_of(IN_OPERATION)
    write_operation(folder, tables)
    plain = Tables(
        points={
            row.key: replace(row, operational=True, tells_sessions=False, tariff=())
            for row in (CHARGING, BROKEN)
        },
        reservations={
            row.key: replace(row, state="reserved", need=None, wishes=Wishes(), booked=None)
            for row in (ACTIVE, WISHING)
        },
    )
    read_operation(folder).restore(plain)
    assert (plain.points, plain.reservations) == (tables.points, tables.reservations)
    assert (plain.sessions, plain.absences) == (tables.sessions, tables.absences)


def test_what_is_gone_stays_gone() -> None:
    folder = SimulatedFolder()
    write_operation(folder, tables_of(IN_OPERATION))
    tables = Tables(stations={1: station(1)})
    read_operation(folder).restore(tables)
    assert (tables.points, tables.reservations) == ({}, {})


def test_a_backup_has_it_and_a_restore_brings_it_back(tmp_path: Path) -> None:
    place = tmp_path / "data"
    folder = DiskFolder(place)
    store, recovered = open_store(folder)
    store.append([IN_OPERATION], [], 0, NOW)
    recovered.tables.apply(IN_OPERATION)
    checkpoint(store, checkpoint_input(recovered), NOW)
    back_up(place, tmp_path / "backup")
    folder.close()
    moved = restore(take_snapshot(tmp_path / "backup"), tmp_path / "backup", place, replace=True, now=NOW)
    assert moved is not None
    assert (moved / FILE).exists()
    again = DiskFolder(place)
    assert open_store(again)[1].tables == tables_of(IN_OPERATION)
    again.close()
