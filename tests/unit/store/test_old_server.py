"""Files that the old server or a person wrote: all is taken over, set aside with its reason, or refused."""

import json
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from cloud_service.store.errors import DamagedStore
from cloud_service.store.file_store import FileStore, StoreOptions
from cloud_service.store.interface import Recovered
from tests.faults.power_loss import SimulatedFolder
from tests.unit.core.samples import NOW
from tests.unit.store.samples import checkpoint_input, open_store


def station(number: int, x: float = 0, y: float = 0) -> dict[str, Any]:
    return {"chargingStationID": number, "x_position": x, "y_position": y}


def point(station_id: int, number: int, availability: str = "livre") -> dict[str, Any]:
    return {
        "chargingPointID": number,
        "chargingStationID": station_id,
        "power": 22,
        "kWhPrice": 1,
        "availability": availability,
    }


def reservation(
    station_id: int, point_id: int, number: int, vehicle: object, start: float, hours: float = 1
) -> dict[str, Any]:
    """Starts so many hours from NOW, in dates without an offset, of UTC."""
    begins = (NOW + timedelta(hours=start)).replace(tzinfo=None)
    return {
        "reservationID": number,
        "chargingStationID": station_id,
        "chargingPointID": point_id,
        "chargingPointPower": 22,
        "kWhPrice": 1,
        "vehicleID": vehicle,
        "startDateTime": begins.isoformat(),
        "finishDateTime": (begins + timedelta(hours=hours)).isoformat(),
        "duration": hours,
        "price": 22 * hours,
    }


def old_folder(
    stations: list[dict[str, Any]], points: list[dict[str, Any]], reservations: list[dict[str, Any]]
) -> SimulatedFolder:
    return SimulatedFolder(
        {
            "charging_stations.json": json.dumps(stations, indent=4).encode(),
            "charging_points.json": json.dumps(points, indent=4).encode(),
            "reservations.json": json.dumps(reservations, indent=4).encode(),
        }
    )


def take_over(folder: SimulatedFolder) -> Recovered:
    return FileStore(folder, StoreOptions(zone=ZoneInfo("UTC"))).load(NOW)


def set_aside(folder: SimulatedFolder) -> list[tuple[str, str, dict[str, Any]]]:
    files = folder.files()
    rows = json.loads(files["set_aside.json"]) if "set_aside.json" in files else []
    return [(row["file"], row["reason"], row["record"]) for row in rows]


def test_a_sound_folder_is_taken_over_whole() -> None:
    folder = old_folder(
        [station(1), station(2, 5, 5)],
        [point(1, 1), point(1, 2), point(2, 1)],
        [reservation(1, 1, 1, 7, 1), reservation(1, 1, 2, "abc", 3), reservation(2, 1, 1, "7x", 1)],
    )
    before = folder.files()
    recovered = take_over(folder)
    assert recovered.tables.stations.keys() == {1, 2}
    assert recovered.tables.points.keys() == {(1, 1), (1, 2), (2, 1)}
    assert recovered.tables.reservations.keys() == {(1, 1, 1), (1, 1, 2), (2, 1, 1)}
    assert recovered.notes == []
    assert {name: folder.files()[name] for name in before} == before


def test_everything_belongs_to_the_gateway_and_its_vehicles() -> None:
    tables = take_over(old_folder([station(1)], [point(1, 1)], [reservation(1, 1, 1, 7, 1)])).tables
    assert tables.stations[1].owner == "gateway"
    assert tables.reservations[1, 1, 1].vehicle == (True, "7")


def test_stations_at_one_location_stay() -> None:
    assert take_over(old_folder([station(1), station(2)], [], [])).tables.stations.keys() == {1, 2}


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
    recovered = take_over(folder)
    ((in_file, why, record),) = set_aside(folder)
    assert (in_file, why) == (file, reason)
    assert [note for note in recovered.notes if file in note and reason in note]
    originals = {"charging_stations.json": stations, "charging_points.json": points}
    original = originals.get(file, reservations)[-1]
    assert [record[key] for key in record if "Date" not in key] == [
        original[key] for key in record if "Date" not in key
    ]


@pytest.mark.parametrize("where", ["vehicle", "key", "value", "list"])
def test_half_a_surrogate_pair_is_set_aside_spelled_out(where: str) -> None:
    """It is valid JSON, and no file in UTF-8 can hold it: the service would end when it writes it."""
    row = reservation(1, 1, 1, "\ud800x" if where == "vehicle" else 7, 1)
    row["power"] = row.pop("duration") if where == "vehicle" else "no number"
    row |= {"duration": 1} if where == "vehicle" else {"duration": "none"}
    row |= {"key": {"\udfff": 1}, "value": {"note": "\ud83d"}, "list": {"notes": [["\ud800"]]}}.get(where, {})
    folder = old_folder([station(1)], [point(1, 1)], [row])

    recovered = take_over(folder)

    ((_, why, record),) = set_aside(folder)
    assert "\\ud" in json.dumps(record, ensure_ascii=False)
    assert where != "vehicle" or "surrogate" in why
    assert not recovered.tables.reservations
    assert take_over(folder).tables.points[1, 1].last_reservation_id == 1


def test_what_touches_does_not_overlap() -> None:
    """The old server knew no five minutes."""
    reservations = [reservation(1, 1, 1, 7, 1), reservation(1, 1, 2, 8, 2), reservation(1, 1, 3, 9, 0)]
    assert len(take_over(old_folder([station(1)], [point(1, 1)], reservations)).tables.reservations) == 3


def test_a_finished_reservation_stands_in_nobody_s_way() -> None:
    """The service sends it into the history with its next batch."""
    reservations = [
        reservation(1, 1, 1, 7, -5, 2),
        reservation(1, 1, 2, 7, -4.5, 3),
        reservation(1, 1, 3, 7, 1),
    ]
    recovered = take_over(old_folder([station(1)], [point(1, 1)], reservations))
    assert len(recovered.tables.reservations) == 3
    assert recovered.notes == []


def test_all_ids_count_as_given() -> None:
    tables = take_over(
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


def test_ids_of_rows_that_are_no_records_count_too() -> None:
    folder = old_folder([station(1), {**station(12), "x_position": "far"}], [], [])
    assert take_over(folder).tables.last_station_id == 12
    folder = old_folder([station(1), {**station(12), "chargingStationID": 12.0, "x_position": None}], [], [])
    assert take_over(folder).tables.last_station_id == 12


def test_ids_are_still_counted_after_the_next_starts() -> None:
    folder = old_folder([station(1)], [point(1, 4)], [reservation(1, 4, 8, 7, 1), reservation(1, 4, 9, 7, 3)])
    take_over(folder)
    for _ in range(2):
        tables = take_over(folder).tables
        assert tables.points[1, 4].last_reservation_id == 9


def test_what_was_set_aside_stays_there_and_comes_back_never() -> None:
    folder = old_folder([station(1)], [point(1, 1), point(5, 1)], [])
    take_over(folder)
    first = set_aside(folder)
    recovered = take_over(folder)
    assert recovered.tables.points.keys() == {(1, 1)}
    assert recovered.notes == []
    assert set_aside(folder) == first


def test_more_is_added_to_what_was_set_aside_before() -> None:
    folder = old_folder([station(1)], [point(5, 1)], [])
    take_over(folder)
    files = folder.files()
    files["charging_points.json"] = json.dumps([point(6, 1)]).encode()
    folder = SimulatedFolder(files)
    take_over(folder)
    assert [record["chargingStationID"] for _, _, record in set_aside(folder)] == [5, 6]


def test_a_file_of_things_set_aside_that_is_none_stops_the_start() -> None:
    folder = old_folder([station(1)], [point(5, 1)], [])
    files = {**folder.files(), "set_aside.json": b"[{"}
    with pytest.raises(DamagedStore, match=r"folder/set_aside.json: "):
        take_over(SimulatedFolder(files))


def test_a_file_that_is_no_json_stops_the_start_and_changes_nothing() -> None:
    folder = old_folder([station(1)], [point(5, 1)], [])
    files = {**folder.files(), "reservations.json": b'[{"reservationID": 1,'}
    folder = SimulatedFolder(files)
    with pytest.raises(DamagedStore, match=r"folder/reservations.json: not JSON: .* line 1 column"):
        take_over(folder)
    assert folder.log == []


def test_files_edited_by_hand_after_a_clean_stop_count() -> None:
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
