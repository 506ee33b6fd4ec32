"""Files that the old server or a person wrote: every record is used, set aside with a reason, or refused."""

import json
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cloud_service.store.errors import DamagedStore
from cloud_service.store.file_store import FileStore, StoreOptions
from cloud_service.store.interface import Recovered
from tests.kit.batches import checkpoint_input, open_store
from tests.kit.records import NOW
from tests.kit.simulated_disk import SimulatedFolder
from tests.unit.store.old_files import old_folder, point, reservation, station


def recover(folder: SimulatedFolder) -> Recovered:
    return FileStore(folder, StoreOptions(zone=ZoneInfo("UTC"))).load(NOW)


def set_aside(folder: SimulatedFolder) -> list[tuple[str, str, dict[str, Any]]]:
    files = folder.files()
    rows = json.loads(files["set_aside.json"]) if "set_aside.json" in files else []
    return [(row["file"], row["reason"], row["record"]) for row in rows]


def test_a_sound_folder_is_read_as_a_whole() -> None:
    folder = old_folder(
        [station(1), station(2, 5, 5)],
        [point(1, 1), point(1, 2), point(2, 1)],
        [reservation(1, 1, 1, 7, 1), reservation(1, 1, 2, "abc", 3), reservation(2, 1, 1, "7x", 1)],
    )
    recovered = recover(folder)
    assert recovered.tables.stations.keys() == {1, 2}
    assert recovered.tables.points.keys() == {(1, 1), (1, 2), (2, 1)}
    assert recovered.tables.reservations.keys() == {(1, 1, 1), (1, 1, 2), (2, 1, 1)}
    assert recovered.notes == []


def test_everything_belongs_to_the_gateway_and_its_vehicles() -> None:
    tables = recover(old_folder([station(1)], [point(1, 1)], [reservation(1, 1, 1, 7, 1)])).tables
    assert tables.stations[1].owner == "gateway"
    assert tables.reservations[1, 1, 1].vehicle == (True, "7")


def test_stations_at_one_location_stay() -> None:
    assert recover(old_folder([station(1), station(2)], [], [])).tables.stations.keys() == {1, 2}


@pytest.mark.parametrize(
    ("stations", "points", "reservations", "file", "reason"),
    [
        ([], [point(3, 1)], [], "charging_points.json", "its station does not exist"),
        ([station(1), station(1, 5)], [], [], "charging_stations.json", "another station has this ID"),
        (
            [station(1)],
            [point(1, 1), point(1, 1)],
            [],
            "charging_points.json",
            "another point of the station has this ID",
        ),
        (
            [station(1)],
            [point(1, 1)],
            [reservation(1, 1, 1, 7, 1), reservation(1, 1, 1, 8, 3)],
            "reservations.json",
            "another reservation of the point has this ID",
        ),
        (
            [station(1)],
            [point(1, 1)],
            [reservation(1, 2, 1, 7, 1)],
            "reservations.json",
            "its point does not exist",
        ),
        (
            [station(1)],
            [point(1, 1)],
            [reservation(1, 1, 1, 7, 1), reservation(1, 1, 2, "7", 5)],
            "reservations.json",
            "the vehicle has another reservation",
        ),
        (
            [station(1)],
            [point(1, 1)],
            [reservation(1, 1, 1, 7, 1), reservation(1, 1, 2, 8, 1.5)],
            "reservations.json",
            "it overlaps an earlier one of its point",
        ),
        (
            [station(1)],
            [point(1, 1)],
            [reservation(1, 1, 1, 7, 1, 5), reservation(1, 1, 2, 8, 2)],
            "reservations.json",
            "it overlaps an earlier one of its point",
        ),
    ],
)
def test_what_does_not_fit_is_set_aside(
    stations: list[dict[str, Any]],
    points: list[dict[str, Any]],
    reservations: list[dict[str, Any]],
    file: str,
    reason: str,
) -> None:
    folder = old_folder(stations, points, reservations)
    recovered = recover(folder)
    ((in_file, why, record),) = set_aside(folder)
    assert (in_file, why) == (file, reason)
    assert [note for note in recovered.notes if file in note and reason in note]
    originals = {"charging_stations.json": stations, "charging_points.json": points}
    original = originals.get(file, reservations)[-1]
    assert [record[key] for key in record if "Date" not in key] == [
        original[key] for key in record if "Date" not in key
    ]


@pytest.mark.parametrize("where", ["vehicle", "key", "value", "list"])
def test_half_a_surrogate_pair_is_set_aside_escaped(where: str) -> None:
    """JSON can name it, but UTF-8 cannot encode it: writing the next checkpoint would fail."""
    row = reservation(1, 1, 1, "\ud800x" if where == "vehicle" else 7, 1)
    row["power"] = row.pop("duration") if where == "vehicle" else "no number"
    row |= {"duration": 1} if where == "vehicle" else {"duration": "none"}
    more: dict[str, dict[str, object]] = {
        "key": {"\udfff": 1},
        "value": {"note": "\ud83d"},
        "list": {"notes": [["\ud800"]]},
    }
    row |= more.get(where, {})
    folder = old_folder([station(1)], [point(1, 1)], [row])

    recovered = recover(folder)

    ((_, why, record),) = set_aside(folder)
    assert "\\ud" in json.dumps(record, ensure_ascii=False)
    assert where != "vehicle" or "surrogate" in why
    assert not recovered.tables.reservations
    assert recover(folder).tables.points[1, 1].last_reservation_id == 1


def test_adjacent_reservations_do_not_overlap() -> None:
    """The old server did not keep five minutes between them."""
    reservations = [reservation(1, 1, 1, 7, 1), reservation(1, 1, 2, 8, 2), reservation(1, 1, 3, 9, 0)]
    assert len(recover(old_folder([station(1)], [point(1, 1)], reservations)).tables.reservations) == 3


def test_a_finished_reservation_contradicts_nothing() -> None:
    """The service moves it into the history with its next batch."""
    reservations = [
        reservation(1, 1, 1, 7, -5, 2),
        reservation(1, 1, 2, 7, -4.5, 3),
        reservation(1, 1, 3, 7, 1),
    ]
    recovered = recover(old_folder([station(1)], [point(1, 1)], reservations))
    assert len(recovered.tables.reservations) == 3
    assert recovered.notes == []


def test_all_ids_count_as_given() -> None:
    tables = recover(
        old_folder(
            [station(2), station(4)],
            [point(2, 3), point(2, 7), point(9, 1)],
            [reservation(2, 7, 5, 7, 1), reservation(2, 7, 9, 7, 3), reservation(4, 6, 2, 8, 1)],
        )
    ).tables
    assert tables.last_station_id == 9
    assert tables.stations[2].last_point_id == 7
    assert tables.stations[4].last_point_id == 6
    assert tables.points[2, 7].last_reservation_id == 9


def test_ids_of_unusable_rows_count_too() -> None:
    folder = old_folder([station(1), {**station(12), "x_position": "far"}], [], [])
    assert recover(folder).tables.last_station_id == 12
    folder = old_folder([station(1), {**station(12), "chargingStationID": 12.0, "x_position": None}], [], [])
    assert recover(folder).tables.last_station_id == 12


def test_ids_still_count_at_later_starts() -> None:
    folder = old_folder([station(1)], [point(1, 4)], [reservation(1, 4, 8, 7, 1), reservation(1, 4, 9, 7, 3)])
    recover(folder)
    for _ in range(2):
        tables = recover(folder).tables
        assert tables.points[1, 4].last_reservation_id == 9


def test_what_is_set_aside_stays_set_aside() -> None:
    folder = old_folder([station(1)], [point(1, 1), point(5, 1)], [])
    recover(folder)
    first = set_aside(folder)
    recovered = recover(folder)
    assert recovered.tables.points.keys() == {(1, 1)}
    assert recovered.notes == []
    assert set_aside(folder) == first


def test_later_rows_are_added_to_those_set_aside_before() -> None:
    folder = old_folder([station(1)], [point(5, 1)], [])
    recover(folder)
    files = folder.files()
    files["charging_points.json"] = json.dumps([point(6, 1)]).encode()
    folder = SimulatedFolder(files)
    recover(folder)
    assert [record["chargingStationID"] for _, _, record in set_aside(folder)] == [5, 6]


def test_a_damaged_set_aside_file_stops_the_start() -> None:
    folder = old_folder([station(1)], [point(5, 1)], [])
    files = {**folder.files(), "set_aside.json": b"[{"}
    with pytest.raises(DamagedStore, match=r"folder/set_aside.json: "):
        recover(SimulatedFolder(files))


def test_a_file_that_is_not_json_stops_the_start_and_changes_nothing() -> None:
    folder = old_folder([station(1)], [point(5, 1)], [])
    files = {**folder.files(), "reservations.json": b'[{"reservationID": 1,'}
    folder = SimulatedFolder(files)
    with pytest.raises(DamagedStore, match=r"folder/reservations.json: not JSON: .* line 1 column"):
        recover(folder)
    assert folder.log == []


def test_files_edited_by_hand_after_a_clean_stop_are_read() -> None:
    folder = old_folder([station(1)], [point(1, 1)], [reservation(1, 1, 1, 7, 1)])
    store = FileStore(folder, StoreOptions(zone=ZoneInfo("UTC")))
    store.close(checkpoint_input(store.load(NOW)), NOW)
    files = folder.files()
    files["charging_stations.json"] = json.dumps([station(1, 8, 9), station(5, 1, 1)]).encode()
    files["reservations.json"] = b"[]"
    recovered = open_store(SimulatedFolder(files))[1]
    assert recovered.tables.stations[1].location == (8, 9)
    assert recovered.tables.stations[5].owner == "gateway"
    assert not recovered.tables.reservations
    assert recovered.tables.last_station_id == 5
    assert recovered.tables.points[1, 1].last_reservation_id == 1
