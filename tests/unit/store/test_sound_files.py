"""The fast way to read the three files: for what the service writes, and for nothing else."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from cloud_service.store.json_files import ChargingPointsFile, ChargingStationsFile, ReservationsFile
from cloud_service.store.sound_files import (
    SharedNumbers,
    sound_points,
    sound_reservations,
    sound_stations,
)
from tests.kit.records import NOW, minutes, point, reservation, station
from tests.kit.simulated_disk import SimulatedFolder

ROWS: dict[Any, dict[str, object]] = {
    sound_stations: station(1, 0.5, -3).public(),
    sound_points: point(2, 1, 22, 0.5).public(),
    sound_reservations: reservation(1, NOW, NOW + minutes(30), "car").public(),
}


def test_what_the_service_writes_is_sound() -> None:
    stations = [station(7, 30, -1e300, owner="gateway"), station(8, -0.5, 0, owner="gateway")]
    points = [point(7, 1, 22.5, 0), point(7, 2, 7, 0.25, "reservado"), point(8, 1, 1, 0.25, "ocupado")]
    reservations = [
        reservation(1, NOW, NOW + minutes(61.5), 7, (7, 1), legacy=True),
        reservation(2, NOW + minutes(90.1), NOW + minutes(100), "ção: \U0001f50c", (7, 1), legacy=True),
    ]
    folder, shared = SimulatedFolder(), SharedNumbers()
    ChargingStationsFile(folder).write(stations)
    ChargingPointsFile(folder).write(points)
    ReservationsFile(folder).write(reservations)
    files = folder.files()
    assert sound_stations(files["charging_stations.json"], shared) == stations
    assert sound_points(files["charging_points.json"], shared) == points
    assert sound_reservations(files["reservations.json"], shared) == reservations


@pytest.mark.parametrize("read", ROWS)
def test_a_file_without_records_is_sound(read: Any) -> None:
    assert read(b"[]\n", SharedNumbers()) == []


@pytest.mark.parametrize(
    ("read", "changed"),
    [
        *((sound_stations, {"chargingStationID": value}) for value in (0, -1, 1.0, 2**53 + 1, 10**400, "1")),
        (sound_stations, {"x_position": 10**400}),
        (sound_stations, {"lastChargingPointID": 3}),
        (sound_points, {"power": 0}),
        (sound_points, {"power": -0.0}),
        (sound_points, {"power": 10**400}),
        (sound_points, {"kWhPrice": -0.5}),
        (sound_points, {"availability": "quebrado"}),
        (sound_points, {"connector": "CCS"}),
        (sound_reservations, {"vehicleID": True}),
        (sound_reservations, {"vehicleID": 'say "car"'}),
        (sound_reservations, {"vehicleID": "\ud800"}),
        (sound_reservations, {"startDateTime": "2026-03-01T12:00:00"}),
        (sound_reservations, {"startDateTime": "2026-03-01T12:00:00-03:00"}),
        (sound_reservations, {"startDateTime": "2026-03-02T12:00:00+00:00"}),
        (sound_reservations, {"finishDateTime": "tomorrow"}),
        (sound_reservations, {"state": "reserved"}),
    ],
)
def test_nothing_else_is_sound(read: Any, changed: dict[str, object]) -> None:
    row = ROWS[read]
    assert len(read(json.dumps([row, row]).encode(), SharedNumbers())) == 2
    with pytest.raises(ValueError, match=r"."):
        read(json.dumps([row, row | changed]).encode(), SharedNumbers())


@pytest.mark.parametrize("twice", ['"power": 22, "power": 22', '"power": 22, "po\\u0077er": 22'])
def test_a_key_that_stands_twice_is_not_sound(twice: str) -> None:
    text = json.dumps([ROWS[sound_points]])
    with pytest.raises(ValueError, match="twice"):
        sound_points(text.replace('"power": 22', twice).encode(), SharedNumbers())


def test_a_missing_key_does_not_make_up_for_one_that_stands_twice() -> None:
    text = json.dumps([ROWS[sound_points]]).replace('"kWhPrice": 0.5', '"power": 22')
    with pytest.raises(ValueError, match="kWhPrice"):
        sound_points(text.encode(), SharedNumbers())


def test_equal_numbers_are_one_object_and_stay_as_they_were_written() -> None:
    points = [point(1_000, number, 22.5, price) for number, price in enumerate((0.0, -0.0, 5, 5.0, 0.25), 1)]
    text = json.dumps([row.public() for row in points] * 2)
    found = sound_points(text.encode(), SharedNumbers())
    assert [repr(row.kwh_price) for row in found] == ["0.0", "-0.0", "5", "5.0", "0.25"] * 2
    assert len({id(row.station_id) for row in found}) == 1
    assert len({id(row.power) for row in found}) == 1
    assert found[4].kwh_price is found[9].kwh_price


def test_dates_are_read_to_the_microsecond_as_elsewhere() -> None:
    """A person may write more digits than there are: they are cut off, and not rounded."""
    row = ROWS[sound_reservations] | {"startDateTime": "2026-03-01T11:59:59.1234567Z"}
    (found,) = sound_reservations(json.dumps([row]).encode(), SharedNumbers())
    assert found.start == datetime(2026, 3, 1, 11, 59, 59, 123456, UTC)
