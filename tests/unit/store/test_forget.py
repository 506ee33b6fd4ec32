"""Forgetting a vehicle: its name is in no file of the store, whatever interrupts the command."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest
from msgspec.structs import replace

from cloud_service.cli.main import main
from cloud_service.core.changes import Changes, Event
from cloud_service.core.records import Reservation
from cloud_service.core.sessions import Absence, Session
from cloud_service.store.file_store import FileStore, StoreOptions
from cloud_service.store.filesystem import DiskFolder, Folder
from cloud_service.store.forget import Forgotten, forget
from cloud_service.store.frozen_folder import FrozenFolder
from cloud_service.store.journal import RequestRecord
from cloud_service.store.nameless import CannotForget
from cloud_service.store.verify import examine
from tests.kit.batches import POINT, checkpoint_input, open_store, registration
from tests.kit.records import NOW, minutes, reservation
from tests.kit.simulated_disk import SimulatedFolder, states

HISTORY = "history-2026-03.jsonl"
ACCOUNT, LEGACY = (False, "7"), (True, "7")


def ended(number: int, vehicle: int | str, *, legacy: bool, owner: str = "charger-1") -> Changes:
    start = NOW + minutes(70 * number)
    booked = reservation(number, start, start + minutes(60), vehicle, legacy=legacy)
    row = replace(booked, state="cancelled")
    return Changes(
        removed_reservations=(row.key,),
        points=(replace(POINT, last_reservation_id=number),),
        events=(Event("reservationCancelled", NOW, "vehicleCancelled", row, owner),),
    )


def booked(vehicle: int | str, *, legacy: bool) -> Reservation:
    return reservation(9, NOW + minutes(5), NOW + minutes(65), vehicle, legacy=legacy)


def answer(client: str, vehicle: int | str, number: int) -> RequestRecord:
    """The record of a booking."""
    body = f'"ok":true,"result":{{"reservationID":{number},"vehicleID":{json.dumps(vehicle)}}}'
    return RequestRecord(client, f"text:{number}", b"0123456789abcdef", "ok", body)


def refusal(client: str, vehicle: int | str) -> RequestRecord:
    message = json.dumps(f"vehicle {vehicle!r} has no reservation 3")
    body = f'"ok":false,"error":{{"code":"NOT_FOUND","message":{message},"retryable":false}}'
    return RequestRecord(client, "text:refused", b"0123456789abcdef", "NOT_FOUND", body)


def written(folder: Folder, delivered: int = 6) -> FileStore:
    """A store in which a 7 of each world, a 77 and an "ana" have charged. All of it is in the journal."""
    store, _ = open_store(folder)
    rows = (
        (registration(), answer("charger-1", "x", 1)),
        (ended(1, 7, legacy=True), answer("gateway", 7, 2)),
        (ended(2, "7", legacy=False), answer("7", "7", 3)),
        (ended(3, 77, legacy=True), answer("operator", "7", 4)),
        (ended(4, "ana", legacy=False), refusal("gateway", 7)),
        (ended(5, "ana", legacy=False, owner="7"), refusal("operator", "7")),
    )
    for changes, record in rows:
        store.append([changes], [record], 0, NOW)
    # The broker acknowledges events after their batch is written.
    store.append([], [], delivered, NOW)
    return store


def vehicles(files: dict[str, bytes]) -> list[tuple[object, object]]:
    rows = [json.loads(line) for line in files[HISTORY].splitlines()]
    return [(row.get("legacy"), row["reservation"]["vehicleID"]) for row in rows]


def erase(folder: Folder, vehicle: tuple[bool, str] = ACCOUNT) -> Forgotten:
    return forget(folder, vehicle, StoreOptions(), NOW)


def requests_of(files: dict[str, bytes]) -> list[list[str]]:
    (name,) = (name for name in files if name.startswith("requests"))
    return [json.loads(line)["request"] for line in files[name].splitlines()]


def assert_sound(files: dict[str, bytes], where: object = None) -> None:
    assert not examine(FrozenFolder(Path("folder"), files), UTC, NOW).findings, where


def test_an_account_is_forgotten_and_the_vehicle_of_tcp_stays() -> None:
    folder = SimulatedFolder()
    written(folder)
    erase(folder)
    files = folder.files()
    assert vehicles(files) == [(True, 7), (None, None), (True, 77), (False, "ana"), (False, "ana")]
    assert json.loads(files[HISTORY].splitlines()[-1])["owner"] == ""
    by_client = {(row[0], row[3]): row for row in requests_of(files)}
    assert ("7", "ok") not in by_client
    assert '"vehicleID":"x"' in by_client["charger-1", "ok"][4]
    assert '"vehicleID":null' in by_client["operator", "ok"][4]
    assert "vehicle (forgotten) has no reservation 3" in by_client["operator", "NOT_FOUND"][4]
    assert_sound(files)


def test_a_vehicle_of_tcp_is_forgotten_and_the_account_stays() -> None:
    folder = SimulatedFolder()
    written(folder)
    erase(folder, LEGACY)
    files = folder.files()
    assert vehicles(files) == [(None, None), (False, "7"), (True, 77), (False, "ana"), (False, "ana")]
    by_client = {(row[0], row[3]): row for row in requests_of(files)}
    assert '"vehicleID":null' in by_client["gateway", "ok"][4]
    assert "vehicle (forgotten) has no reservation 3" in by_client["gateway", "NOT_FOUND"][4]
    assert '"vehicleID":"7"' in by_client["7", "ok"][4]
    assert_sound(files)


def test_what_was_forgotten_is_forgotten_after_the_next_start() -> None:
    folder = SimulatedFolder()
    written(folder)
    erase(folder)
    store, recovered = open_store(folder)
    assert [row.request.client for row in recovered.remembered].count("(forgotten)") == 1
    ending = ended(6, "bob", legacy=False)
    recovered.tables.apply(ending)
    store.append([ending], [], store.sequence, NOW)
    store.close(checkpoint_input(recovered), NOW)
    assert vehicles(folder.files())[-1] == (False, "bob")
    assert_sound(folder.files())


def test_a_power_loss_leaves_a_sound_folder_and_the_next_run_finishes() -> None:
    start = SimulatedFolder()
    written(start)
    folder = SimulatedFolder(start.files())
    erase(folder)
    seen = set()
    for done, files in states(folder, Random(7), 2):
        assert_sound(files, done)
        again = SimulatedFolder(files)
        erase(again)
        assert (None, None) in vehicles(again.files())
        assert (False, "7") not in vehicles(again.files()), done
        assert all(row[0] != "7" for row in requests_of(again.files())), done
        assert_sound(again.files(), done)
        seen.add(frozenset(files.items()))
    assert len(seen) > 20


def test_a_vehicle_with_a_reservation_stays_known() -> None:
    folder = SimulatedFolder()
    store = written(folder)
    store.append([Changes(reservations=(booked("7", legacy=False),))], [], 7, NOW)
    with pytest.raises(CannotForget, match="vehicle 7 has a reservation; start the network, cancel"):
        erase(folder)
    assert (False, "7") in vehicles(folder.files())
    assert_sound(folder.files())
    erase(folder, LEGACY)
    assert (True, 7) not in vehicles(folder.files())


def test_a_session_and_an_absence_do_not_have_the_name_any_more() -> None:
    folder = SimulatedFolder()
    store = written(folder)
    occupied = replace(POINT, availability="ocupado", last_reservation_id=9)
    charging = Session(1, 1, NOW, NOW, NOW, NOW, vehicle=ACCOUNT)
    other = replace(charging, point_id=2, vehicle=LEGACY)
    store.append(
        [
            Changes(
                points=(occupied, replace(occupied, point_id=2)),
                sessions=(charging, other),
                absences=(Absence("7", NOW), Absence("charger-1", NOW)),
            )
        ],
        [],
        7,
        NOW,
    )
    assert "operation.json" in erase(folder).changed
    tables = open_store(SimulatedFolder(folder.files()))[1].tables
    assert tables.sessions == {(1, 1): replace(charging, vehicle=None), (1, 2): other}
    assert tables.absences.keys() == {"charger-1"}
    assert_sound(folder.files())
    erase(folder, LEGACY)
    tables = open_store(SimulatedFolder(folder.files()))[1].tables
    assert [session.vehicle for session in tables.sessions.values()] == [None, None]


def test_answers_to_a_charger_name_vehicles_of_both_worlds() -> None:
    for vehicle in (ACCOUNT, LEGACY):
        folder = SimulatedFolder()
        store = written(folder)
        store.append([], [answer("charger-2", "7", 1), answer("charger-2", 77, 2)], 6, NOW)
        erase(folder, vehicle)
        bodies = [row[4] for row in requests_of(folder.files()) if row[0] == "charger-2"]
        assert ['"vehicleID":null' in body for body in bodies] == [True, False]


def test_a_vehicle_whose_events_are_pending_stays_known() -> None:
    folder = SimulatedFolder()
    written(folder, delivered=2)
    with pytest.raises(CannotForget, match="the broker has not received every event about 7 yet"):
        erase(folder)
    assert open_store(folder)[1].pending_events[0][0] == 3


def test_an_account_that_owns_stations_stays_known() -> None:
    folder = SimulatedFolder()
    written(folder)
    with pytest.raises(CannotForget, match=r"ana owns station 1; .*`recharge accounts transfer`"):
        erase(folder, (False, "ana"))


def test_what_was_set_aside_or_torn_is_forgotten_too() -> None:
    folder = SimulatedFolder()
    written(folder)
    row = {"file": "reservations.json", "reason": "no point", "record": {"vehicleID": 7, "price": 1}}
    other = {"file": "charging_stations.json", "reason": "7", "record": {"vehicleID": 7}}
    folder = SimulatedFolder(
        {
            **folder.files(),
            "set_aside.json": json.dumps([row, other]).encode(),
            "journal-000001.jsonl.99.broken": b'{"vehicleID":7',
            "reservations.json.new": b'[{"vehicleID":7',
            "notes.new": b"7",
        }
    )
    forgotten = erase(folder)
    assert (
        forgotten.removed
        == ["journal-000001.jsonl.99.broken", "reservations.json.new"][: len(forgotten.removed)]
    )
    left = folder.files()
    rows = json.loads(left["set_aside.json"])
    assert [found["record"] for found in rows] == [{"vehicleID": None, "price": 1}, {"vehicleID": 7}]
    assert "notes.new" in left
    assert not {"journal-000001.jsonl.99.broken", "reservations.json.new"} & left.keys()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A data folder in which the account "vehicle-ana" has charged, and then its network was killed."""
    place = tmp_path / "data"
    folder = DiskFolder(place)
    store, _ = open_store(folder)
    store.append([registration()], [], 0, NOW)
    store.append([ended(1, "vehicle-ana", legacy=False)], [answer("vehicle-ana", "vehicle-ana", 1)], 1, NOW)
    store.append([ended(2, "vehicle-ana2", legacy=False)], [answer("operator", "vehicle-ana", 2)], 2, NOW)
    store.append([], [], 3, NOW)
    folder.close()
    return place


def test_the_command_leaves_no_trace_and_names_the_copies(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept, lost = tmp_path / "monday", tmp_path / "tuesday"
    for target in (kept, lost):
        assert main(["backup", str(target), "--data-dir", str(place)]) == 0
    lost.rename(tmp_path / "moved")
    (place / "audit.jsonl").write_text('{"event":"accountAdded","account":"vehicle-ana"}\n')
    capsys.readouterr()
    assert main(["forget", "vehicle-ana", "--data-dir", str(place)]) == 0
    printed = capsys.readouterr().out
    today = f"{datetime.now(UTC):%Y-%m-%d}"
    assert f"may still hold the name: the backup {kept} of {today}" in printed
    assert (
        f"may still hold the name, if it was moved and not removed: the backup {lost} of {today}" in printed
    )
    assert f"may still hold the name: {place / 'audit.jsonl'}" in printed
    for path in place.iterdir():
        if path.name != "audit.jsonl":
            assert not re.search(rb"vehicle-ana\b", path.read_bytes()), path
    assert b"vehicle-ana2" in (place / HISTORY).read_bytes()
    assert main(["verify", str(place)]) == 0


def test_the_command_runs_again_and_forgets_a_restored_name(
    place: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["backup", str(tmp_path / "copy"), "--data-dir", str(place)]) == 0
    assert main(["forget", "vehicle-ana", "--data-dir", str(place)]) == 0
    first = (place / HISTORY).read_bytes()
    assert main(["forget", "vehicle-ana", "--data-dir", str(place)]) == 0
    assert (place / HISTORY).read_bytes() == first
    (place / "backups.jsonl").unlink()
    assert main(["restore", str(tmp_path / "copy"), "--data-dir", str(place), "--replace"]) == 0
    capsys.readouterr()
    assert main(["forget", "vehicle-ana", "--data-dir", str(place)]) == 0
    assert f"may still hold the name: the backup {tmp_path / 'copy'} " in capsys.readouterr().out
    assert (place / HISTORY).read_bytes() == first


def test_the_command_refuses_while_the_folder_is_in_use(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = DiskFolder(place)
    try:
        assert main(["forget", "vehicle-ana", "--data-dir", str(place)]) == 1
    finally:
        folder.close()
    assert "in use by the cloud service; stop the network, and run the same command again" in (
        capsys.readouterr().err
    )


def test_the_command_creates_no_network(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["forget", "ana", "--data-dir", str(tmp_path / "none")]) == 1
    assert "is not a folder" in capsys.readouterr().err
    assert not (tmp_path / "none").exists()
