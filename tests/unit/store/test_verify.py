"""Verification: everything wrong that the files can show is found, and a sound folder is sound."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from cloud_service.cli.main import main
from cloud_service.core.changes import Changes, Event
from cloud_service.core.offline_charge import OfflineCharge, record
from cloud_service.core.records import State
from cloud_service.core.rules import DEFAULT_RULES
from cloud_service.core.sessions import Session
from cloud_service.core.tables import Tables
from cloud_service.language.text import Text
from cloud_service.store.file_store import FileStore, StoreOptions
from cloud_service.store.frozen_folder import FrozenFolder
from cloud_service.store.verify import Report, examine
from tests.faults.power_loss import run
from tests.kit.batches import (
    POINT,
    STATION,
    book,
    booking,
    cancel,
    cancellation,
    checkpoint_input,
    open_store,
    registration,
    request,
)
from tests.kit.records import NOW, minutes
from tests.kit.simulated_disk import SimulatedFolder, states
from tests.unit.store.old_files import old_folder, point, station
from tests.unit.store.old_files import reservation as old_reservation


def examined(folder: SimulatedFolder) -> Report:
    return examine(FrozenFolder(Path("folder"), folder.files()), ZoneInfo("UTC"), NOW)


def findings(folder: SimulatedFolder) -> list[str]:
    return texts(examined(folder).findings)


def texts(found: list[Text]) -> list[str]:
    return list(map(str, found))


def journal(*changes: Changes) -> SimulatedFolder:
    """A folder whose journal has a batch for each of these."""
    folder = SimulatedFolder()
    store, _ = open_store(folder)
    for change in changes:
        store.append([change], [], 0, NOW)
    return folder


def test_an_empty_folder_is_sound() -> None:
    assert examined(SimulatedFolder()) == Report()


def test_a_sound_folder_is_sound_with_and_without_a_journal() -> None:
    folder = SimulatedFolder()
    store, _ = open_store(folder)
    store.append([registration(), booking()], [request("a")], 0, NOW)
    report = examined(folder)
    assert (texts(report.findings), texts(report.notes)) == ([], [])
    assert (report.lines, report.sequence, report.remembered, report.ended) == (1, 1, 1, 0)
    store, recovered = open_store(folder)
    store.append([cancellation()], [], 0, NOW)
    recovered.tables.apply(cancellation())
    store.close(checkpoint_input(recovered), NOW)
    report = examined(folder)
    assert (texts(report.findings), texts(report.notes)) == ([], [])
    assert (report.lines, report.sequence, report.remembered, report.ended) == (0, 2, 1, 1)


@pytest.mark.parametrize("seed", range(3))
def test_what_a_crash_leaves_is_sound(seed: int) -> None:
    random = Random(seed)
    life = run(random)
    for _, files in states(life.folder, random, 0):
        report = examine(FrozenFolder(Path("folder"), files), None, life.ended)
        assert texts(report.findings) == []


def test_a_broken_chain_is_found_with_file_and_offset() -> None:
    folder = journal(registration(), booking(), cancellation())
    (name,) = [name for name in folder.names() if name.startswith("journal")]
    lines = folder.files()[name].splitlines(keepends=True)
    report = examined(SimulatedFolder({name: lines[0] + lines[2]}))
    assert texts(report.findings) == [
        f"folder/{name}, byte {len(lines[0])}: batch 3 does not continue batch 1: lines are missing."
        " Restore the folder from a backup, or ask for help and attach this file"
    ]


def test_a_torn_last_line_is_noted() -> None:
    folder = journal(registration())
    (name,) = [name for name in folder.names() if name.startswith("journal")]
    whole = folder.files()[name]
    report = examined(SimulatedFolder({name: whole + b"{"}))
    assert texts(report.findings) == []
    assert (
        f"folder/{name}, byte {len(whole)}: the last 1 bytes are not a complete line"
        in texts(report.notes)[0]
    )


@pytest.mark.parametrize(
    ("reservations", "finding"),
    [
        ([old_reservation(1, 1, 1, 7, 1), old_reservation(1, 1, 2, 8, 1.5)], "it overlaps an earlier one"),
        ([old_reservation(1, 1, 1, 7, 1), old_reservation(1, 1, 2, 7, 5)], "the vehicle has another"),
        ([old_reservation(1, 2, 1, 7, 1)], "its point does not exist"),
        ([old_reservation(1, 1, 1, 7, 1), old_reservation(1, 1, 1, 8, 5)], "has this ID"),
    ],
)
def test_records_that_contradict_each_other_are_found(
    reservations: list[dict[str, object]], finding: str
) -> None:
    (found,) = findings(old_folder([station(1)], [point(1, 1)], reservations))
    assert found.startswith("reservations.json: ")
    assert finding in found


def test_a_file_that_is_not_json_is_found() -> None:
    (found,) = findings(SimulatedFolder({"charging_points.json": b"[{]"}))
    assert found.startswith("folder/charging_points.json: not JSON")


def test_reservations_closer_than_five_minutes_are_noted() -> None:
    rows = [old_reservation(1, 1, 1, 7, 1), old_reservation(1, 1, 2, 8, 2.05)]
    report = examined(old_folder([station(1)], [point(1, 1)], rows))
    assert texts(report.findings) == []
    assert "less than five minutes apart" in texts(report.notes)[0]


def test_reservations_that_overlapped_are_found_after_both_are_gone() -> None:
    first, second = book(1, 10, "a"), book(2, 20, "b")
    folder = journal(registration(), first, second, cancel(first), cancel(second))
    assert findings(folder) == [
        "reservation 1 on point 1 of station 1 overlaps reservation 2 on point 1 of station 1"
    ]


def test_bookings_need_five_minutes_between_them() -> None:
    assert findings(journal(registration(), book(1, 10, "a"), book(2, 45, "b"))) == []
    assert findings(journal(registration(), book(1, 10, "a"), book(2, 44, "b")))


def test_a_cancelled_reservation_makes_its_time_free() -> None:
    first = book(1, 10, "a")
    assert findings(journal(registration(), first, cancel(first), book(2, 20, "b"))) == []


def test_a_vehicle_with_two_reservations_at_once_is_found() -> None:
    first, second = book(1, 10, "a"), book(2, 90, "a")
    folder = journal(registration(), first, second, cancel(first))
    (finding,) = findings(folder)
    assert finding.startswith("vehicle 'a' had two reservations")


def test_a_charge_that_was_over_may_have_been_at_the_time_of_others() -> None:
    booked = book(1, 10, "a")
    (point,) = booked.points
    (row,) = booked.reservations
    charge = OfflineCharge("a", False, row.start, row.finish, 5)
    over = record(STATION, point, charge, DEFAULT_RULES, NOW)
    assert findings(journal(registration(), booked, over, cancel(booked))) == []


def move(booked: Changes, number: int, start: int, point_id: int = 1) -> Changes:
    """The move of this booking to a point of the station, `start` minutes after NOW, with this ID there."""
    (before,) = booked.reservations
    after = replace(
        before,
        reservation_id=number,
        point_id=point_id,
        start=NOW + minutes(start),
        finish=NOW + minutes(start + 30),
    )
    return Changes(
        removed_reservations=(before.key,),
        points=(replace(POINT, point_id=point_id, last_reservation_id=number),),
        reservations=(after,),
        events=(Event("reservationChanged", NOW, "overrun", after, "owner", before),),
    )


def with_two_points() -> Changes:
    return replace(
        registration(),
        stations=(replace(STATION, last_point_id=2),),
        points=(POINT, replace(POINT, point_id=2)),
    )


def test_moves_are_sound() -> None:
    first, other = book(1, 10, "a"), book(2, 90, "b")
    later = move(first, 1, 50)
    away = move(later, 1, 10, point_id=2)
    folder = journal(with_two_points(), first, other, later, book(3, 10, "c"), away, book(4, 50, "d"))
    assert findings(folder) == []


def test_a_move_needs_five_minutes() -> None:
    first, other = book(1, 10, "a"), book(2, 90, "b")
    assert findings(journal(registration(), first, other, move(first, 1, 55))) == []
    assert findings(journal(registration(), first, other, move(first, 1, 56))) == [
        "reservation 1 on point 1 of station 1 overlaps reservation 2 on point 1 of station 1"
    ]


def test_two_that_moved_into_one_gap_are_found_after_both_are_gone() -> None:
    first, other = book(1, 60, "a"), book(2, 120, "b")
    moved, also_moved = move(first, 1, 10), move(other, 2, 20)
    folder = journal(registration(), first, other, moved, also_moved, cancel(moved), cancel(also_moved))
    assert findings(folder) == [
        "reservation 1 on point 1 of station 1 overlaps reservation 2 on point 1 of station 1"
    ]


def test_a_booking_while_one_is_where_it_has_moved_to_is_found() -> None:
    first = book(1, 10, "a")
    moved = move(first, 1, 90)
    folder = journal(registration(), first, moved, book(2, 95, "b"), cancel(moved))
    assert findings(folder) == [
        "reservation 1 on point 1 of station 1 overlaps reservation 2 on point 1 of station 1"
    ]


def test_an_id_given_again_by_a_move_is_found() -> None:
    first, other = book(1, 10, "a"), book(2, 90, "b")
    away = move(other, 1, 10, point_id=2)
    elsewhere = move(first, 1, 90, point_id=2)
    twice = "reservation 1 on point 2 of station 1 was booked twice in the journal"
    assert twice in findings(journal(with_two_points(), first, other, away, cancel(away), elsewhere))


def test_an_id_of_the_history_given_again_by_a_move_is_found() -> None:
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    for change in (with_two_points(), first := book(1, 10, "a"), away := move(first, 1, 10, 2), cancel(away)):
        store.append([change], [], 0, NOW)
        recovered.tables.apply(change)
    store.close(checkpoint_input(recovered), NOW)
    store, _ = open_store(folder)
    store.append([second := book(2, 10, "b")], [], 0, NOW)
    store.append([again := move(second, 1, 50, 2)], [], 0, NOW)
    store.append([cancel(again)], [], 0, NOW)
    assert (
        "reservation 1 on point 2 of station 1 has ended and is booked again: its ID was given twice"
        in findings(folder)
    )


@pytest.mark.parametrize("stopped", [False, True])
@pytest.mark.parametrize("wrong", ["reserved", "active", "completed", "noShow"])
def test_a_wrong_last_state_is_found(wrong: State, stopped: bool) -> None:
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    ending = cancellation()
    (event,) = ending.events
    event = replace(event, reservation=replace(event.reservation, state=wrong))
    for change in (registration(), booking(), replace(ending, events=(event,))):
        store.append([change], [], 0, NOW)
        recovered.tables.apply(change)
    if stopped:
        store.close(checkpoint_input(recovered), NOW)
    assert findings(folder) == [
        f"reservation 1 on point 1 of station 1 has ended with reservationCancelled, and its state is {wrong}"
    ]


def test_an_active_reservation_without_a_session_is_found() -> None:
    (row,) = book(1, 10, "a").reservations
    folder = journal(registration(), replace(book(1, 10, "a"), reservations=(replace(row, state="active"),)))
    assert findings(folder) == [
        "reservation 1 on point 1 of station 1 is reserved again: no session serves it"
    ]


def test_a_session_that_lasts_into_the_next_reservation_is_sound() -> None:
    """The next one moves at the latest when the session is prolonged: no two reservations ever overlap."""
    walk_in = Changes(
        points=(replace(POINT, availability="ocupado"),),
        sessions=(Session(1, 1, NOW, NOW + minutes(90), NOW + minutes(5), NOW),),
    )
    first = book(1, 10, "a")
    kept = replace(first, points=(replace(POINT, availability="ocupado", last_reservation_id=1),))
    assert findings(journal(registration(), walk_in, kept)) == []


def test_an_id_given_twice_is_found_in_the_journal() -> None:
    first = book(1, 10, "a")
    folder = journal(registration(), first, cancel(first), book(1, 90, "b"))
    assert "reservation 1 on point 1 of station 1 was booked twice in the journal" in findings(folder)


def test_an_id_given_twice_is_found_in_the_history() -> None:
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    first = book(1, 10, "a")
    for change in (registration(), first, cancel(first), book(1, 90, "b")):
        store.append([change], [], 0, NOW)
        recovered.tables.apply(change)
    store.close(checkpoint_input(recovered), NOW)
    assert findings(folder) == [
        "reservation 1 on point 1 of station 1 has ended and is scheduled: its ID was given twice"
    ]


def stopped_with_history(now: datetime = NOW) -> dict[str, bytes]:
    """The files after a clean stop. Two reservations have ended, and their station was removed."""
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    first, second = book(1, 10, "a"), book(2, 90, "b")
    gone = Changes(removed_stations=(1,), removed_points=(POINT.key,))
    for change in (registration(), first, cancel(first), second, cancel(second), gone):
        store.append([change], [], 0, NOW)
        recovered.tables.apply(change)
    store.close(checkpoint_input(recovered), now)
    return folder.files()


HISTORY = "history-2026-03.jsonl"
OWNERS_AND_IDS = "owners_and_ids.json"


def test_a_station_s_id_that_would_be_given_again_is_found_by_the_history() -> None:
    files = stopped_with_history()
    assert examined(SimulatedFolder(files)) == Report(sequence=6, ended=2, tables=Tables(last_station_id=1))
    lowered = files[OWNERS_AND_IDS].replace(b'"lastStationID":1', b'"lastStationID":0')
    assert lowered != files[OWNERS_AND_IDS]
    assert findings(SimulatedFolder({**files, OWNERS_AND_IDS: lowered})) == [
        "station 1 existed, and its ID would be given again"
    ]


@pytest.mark.parametrize(
    "named", [replace(registration(), points=(), last_station_id=None), cancel(book(1, 10, "a"))]
)
def test_a_station_s_id_that_would_be_given_again_is_found_by_the_journal(named: Changes) -> None:
    gone = Changes(removed_stations=(1,), removed_points=(POINT.key,), removed_reservations=((1, 1, 1),))
    assert findings(journal(named, gone)) == ["station 1 existed, and its ID would be given again"]


def test_a_history_shorter_than_the_checkpoint_counts_is_found() -> None:
    files = stopped_with_history()
    first, second = files[HISTORY].splitlines(keepends=True)
    assert findings(SimulatedFolder({**files, HISTORY: first})) == [
        f"folder/{HISTORY}, byte {len(first)}: has {len(first)} bytes, and the checkpoint counts"
        f" {len(first + second)}: reservations that ended are missing."
        " Restore the folder from a backup, or ask for help and attach this file"
    ]


def test_a_removed_history_is_noted() -> None:
    files = stopped_with_history(NOW + timedelta(days=31))
    del files[HISTORY]
    report = examined(SimulatedFolder(files))
    assert texts(report.findings) == []
    assert texts(report.notes) == [
        f"folder/{HISTORY} was removed, and with it the reservations that ended in that month"
    ]


def test_nothing_is_written() -> None:
    folder = journal(registration(), booking())
    frozen = FrozenFolder(Path("folder"), folder.files())
    before = dict(frozen.files)
    examine(frozen, None, NOW)
    assert frozen.files == before
    with pytest.raises(PermissionError):
        FileStore(frozen, StoreOptions()).load(NOW)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "charging_stations.json").write_text("[]")
    assert main(["verify", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "sound"
    now = datetime.now(UTC)
    rows = [old_reservation(1, 1, 1, 7, (now - NOW).days * 24), old_reservation(3, 1, 1, 8, 1)]
    (tmp_path / "reservations.json").write_text(json.dumps(rows))
    assert main(["verify", str(tmp_path)]) == 1
    output = capsys.readouterr().out
    assert "WRONG: reservations.json: its point does not exist" in output
    assert output.splitlines()[-1] == "not sound"
    assert {path.name for path in tmp_path.iterdir()} == {"charging_stations.json", "reservations.json"}


@pytest.mark.parametrize("stranger", [None, "notes.txt", "lock", "reservations.json.bak"])
def test_a_folder_without_a_network_is_not_sound(
    tmp_path: Path, stranger: str | None, capsys: pytest.CaptureFixture[str]
) -> None:
    if stranger:
        (tmp_path / stranger).write_text("[]")
    assert main(["verify", str(tmp_path)]) == 1
    assert main(["backup", str(tmp_path.parent / "copy"), "--data-dir", str(tmp_path)]) == 1
    output = capsys.readouterr()
    assert output.err.count(f"{tmp_path} is not a data folder") == 2
    assert "sound" not in output.out
    assert not (tmp_path.parent / "copy").exists()


def test_what_was_set_aside_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = old_folder([station(1)], [point(1, 1), *(point(9, number) for number in range(1, 25))], [])
    open_store(folder)
    for name, data in folder.files().items():
        (tmp_path / name).write_bytes(data)
    assert main(["verify", str(tmp_path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    named = [line for line in lines if line.startswith("set aside: charging_points.json: its station")]
    assert len(named) == 20
    assert "'chargingStationID': 9" in named[0]
    assert lines[-2:] == [
        "set aside: 4 more; set_aside.json has all of them",
        "sound, without what is in set_aside.json",
    ]


def test_a_damaged_set_aside_file_is_found() -> None:
    files = {**stopped_with_history(), "set_aside.json": b"[{"}
    (found,) = findings(SimulatedFolder(files))
    assert "folder/set_aside.json: not what the service wrote" in found


def test_nothing_is_counted_in_a_folder_that_cannot_be_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "reservations.json").write_text("[{]")
    assert main(["verify", str(tmp_path)]) == 1
    first, last = capsys.readouterr().out.splitlines()
    assert first.startswith("WRONG: ")
    assert last == "not sound"


def test_without_the_owners_the_start_is_refused() -> None:
    folder = journal(registration(), booking())
    store, recovered = open_store(folder)
    store.close(checkpoint_input(recovered), NOW)
    files = folder.files()
    assert findings(SimulatedFolder(files)) == []
    del files["owners_and_ids.json"]
    (found,) = findings(SimulatedFolder(files))
    assert "owners_and_ids.json: missing" in found


def test_the_command_names_a_missing_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", str(tmp_path / "nowhere")]) == 1
    assert "nowhere is not a folder" in capsys.readouterr().err
