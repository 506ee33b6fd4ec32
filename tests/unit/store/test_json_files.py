"""The three JSON files, as the service, the old server and people write them."""

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from msgspec.structs import replace

from cloud_service.store.errors import DamagedStore
from cloud_service.store.json_files import ChargingPointsFile, ChargingStationsFile, ReservationsFile
from cloud_service.store.set_aside import SetAside
from tests.kit.records import NOW, minutes, point, reservation, station
from tests.kit.simulated_disk import SimulatedFolder

POINT_ROW = {
    "chargingPointID": 1,
    "chargingStationID": 2,
    "power": 22,
    "kWhPrice": 0.5,
    "availability": "livre",
}
RESERVATION_ROW = {
    "reservationID": 1,
    "chargingStationID": 2,
    "chargingPointID": 3,
    "chargingPointPower": 22,
    "kWhPrice": 0.5,
    "vehicleID": 7,
    "startDateTime": "2026-03-01T12:05:00",
    "finishDateTime": "2026-03-01T13:05:00",
    "duration": 1.0,
    "price": 11,
}
READERS: list[tuple[str, Callable[[SimulatedFolder], Any]]] = [
    ("charging_stations.json", lambda folder: ChargingStationsFile(folder).read()),
    ("charging_points.json", lambda folder: ChargingPointsFile(folder).read()),
    ("reservations.json", lambda folder: ReservationsFile(folder, None).read()),
]
every_file = pytest.mark.parametrize(("name", "read"), READERS, ids=[name for name, _ in READERS])


def holding(name: str, rows: object) -> SimulatedFolder:
    return SimulatedFolder({name: json.dumps(rows).encode()})


def test_stations_are_stored_and_read_back() -> None:
    folder = SimulatedFolder()
    stations = [station(1, 0, -2.5, owner="gateway"), station(7, 30, 1e300, owner="gateway")]
    ChargingStationsFile(folder).write(stations)
    assert ChargingStationsFile(folder).read() == (stations, [])


def test_points_are_stored_and_read_back() -> None:
    folder = SimulatedFolder()
    points = [point(1, 1, 30, 0), point(1, 2, 7.5, 0.25, "reservado"), point(2, 1, 1, 1, "ocupado")]
    ChargingPointsFile(folder).write(points)
    assert ChargingPointsFile(folder).read() == (points, [])


def test_reservations_are_stored_and_read_back() -> None:
    folder = SimulatedFolder()
    reservations = [
        reservation(1, NOW, NOW + minutes(61.5), 7, legacy=True),
        reservation(2, NOW + timedelta(days=1), NOW + timedelta(days=2), "ção \U0001f50c", legacy=True),
    ]
    ReservationsFile(folder, None).write(reservations)
    assert ReservationsFile(folder, None).read() == (reservations, [])


def test_a_file_is_changed_by_writing_it_again() -> None:
    folder = SimulatedFolder()
    file = ChargingStationsFile(folder)
    file.write([station(1), station(2, owner="gateway")])
    file.write([station(2, 5, owner="gateway")])
    assert file.read() == ([station(2, 5, owner="gateway")], [])
    file.write([])
    assert file.read() == ([], [])
    assert folder.files()["charging_stations.json"] == b"[]\n"


def test_the_layout_is_the_old_server_s() -> None:
    folder = SimulatedFolder()
    ChargingPointsFile(folder).write([point(2, 1, 30, 0.5), point(2, 2, 7.5, 1, "ocupado")])
    rows = [
        {"chargingPointID": 1, "chargingStationID": 2, "power": 30, "kWhPrice": 0.5, "availability": "livre"},
        {
            "chargingPointID": 2,
            "chargingStationID": 2,
            "power": 7.5,
            "kWhPrice": 1,
            "availability": "ocupado",
        },
    ]
    assert folder.files()["charging_points.json"].decode() == json.dumps(rows, indent=4) + "\n"


@pytest.mark.parametrize("count", [499, 500, 501, 1_000, 1_234])
def test_many_records_are_one_array(count: int) -> None:
    folder = SimulatedFolder()
    stations = [station(number, number, owner="gateway") for number in range(1, count + 1)]
    ChargingStationsFile(folder).write(stations)
    text = folder.files()["charging_stations.json"].decode()
    assert text == json.dumps([row.public() for row in stations], indent=4) + "\n"
    assert ChargingStationsFile(folder).read() == (stations, [])


def test_dates_are_written_in_utc_with_their_offset() -> None:
    folder = SimulatedFolder()
    ReservationsFile(folder, None).write([reservation(1, NOW, NOW + minutes(30))])
    row = json.loads(folder.files()["reservations.json"])[0]
    assert row["startDateTime"] == "2026-03-01T12:00:00+00:00"
    assert row["finishDateTime"] == "2026-03-01T12:30:00+00:00"


@every_file
def test_a_missing_file_is_an_empty_one(name: str, read: Callable[[SimulatedFolder], Any]) -> None:
    assert read(SimulatedFolder()) == ([], [])


@every_file
@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "not JSON: .*line 1 column 1"),
        (b"[\n{,]", "not JSON: .*line 2 column 2"),
        (b"[]]", "not JSON: .*line 1 column 3"),
        (b"[NaN]", "not JSON: NaN is not a JSON number"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "not JSON"),
        (b"{}", "not a JSON array"),
        (b"null", "not a JSON array"),
        (b"[7]", "item 1 is not an object: 7"),
        (b"[[]]", r"item 1 is not an object: \[\]"),
        (b'[{"a": 1}]', "item 1 lacks the key"),
    ],
)
def test_a_file_of_another_form_stops_the_start(
    name: str, read: Callable[[SimulatedFolder], Any], content: bytes, problem: str
) -> None:
    folder = SimulatedFolder({name: content})
    with pytest.raises(DamagedStore, match=f"folder/{name}: {problem}") as refusal:
        read(folder)
    assert "Correct the file, or put a backup in its place" in str(refusal.value)
    assert folder.files() == {name: content}


def test_the_refusal_names_item_and_key() -> None:
    row = {key: value for key, value in POINT_ROW.items() if key != "kWhPrice"}
    with pytest.raises(DamagedStore, match="item 2 lacks the key 'kWhPrice'"):
        ChargingPointsFile(holding("charging_points.json", [POINT_ROW, row])).read()


def test_a_byte_order_mark_is_ignored() -> None:
    data = b"\xef\xbb\xbf" + json.dumps([POINT_ROW]).encode()
    assert ChargingPointsFile(SimulatedFolder({"charging_points.json": data})).read()[0] == [
        point(2, 1, 22, 0.5)
    ]


def test_the_order_of_keys_does_not_matter_and_other_keys_are_set_aside() -> None:
    rows = [
        {
            "owner": "mallory",
            "lastChargingPointID": 99,
            "y_position": 2,
            "chargingStationID": 1,
            "x_position": 1,
        }
    ]
    folder = holding("charging_stations.json", rows)
    unknown = "used without the keys that the service does not know: "
    assert ChargingStationsFile(folder).read() == (
        [station(1, 1, 2, owner="gateway")],
        [SetAside("charging_stations.json", unknown + "'lastChargingPointID', 'owner'", rows[0], used=True)],
    )
    row = {**POINT_ROW, "lastReservationID": 99, "note": None}
    assert ChargingPointsFile(holding("charging_points.json", [row])).read() == (
        [point(2, 1, 22, 0.5)],
        [SetAside("charging_points.json", unknown + "'lastReservationID', 'note'", row, used=True)],
    )
    row = {**RESERVATION_ROW, "legacy": False, "startDateTime": "2026-03-01T12:05:00+00:00"}
    row["finishDateTime"] = "2026-03-01T13:05:00+00:00"
    (found,), _ = ReservationsFile(holding("reservations.json", [row]), None).read()
    assert found.legacy


@pytest.mark.parametrize(
    "twice",
    [
        b'"power": 22, "power": 7',
        b'"power": 22, "\\u0070ower": 7',
        b'"\\u0070ower": 7, "note": "power", "power": 7',
        b'"power": 22, "note": 1, "note": 1',
    ],
)
def test_a_key_that_stands_twice_stops_the_start_and_is_named(twice: bytes) -> None:
    first = json.dumps(POINT_ROW).encode()
    second = first.replace(b'"power": 22', twice)
    assert second != first
    folder = SimulatedFolder({"charging_points.json": b"[" + first + b"," + second + b"]"})
    with pytest.raises(DamagedStore, match=r"points\.json: item 2 has the key '(power|note)' twice"):
        ChargingPointsFile(folder).read()


def test_a_value_that_is_called_like_a_key_is_no_key() -> None:
    row = {**RESERVATION_ROW, "vehicleID": "price"}
    records, set_aside = ReservationsFile(holding("reservations.json", [row]), None).read()
    assert ([record.vehicle_id for record in records], set_aside) == (["price"], [])


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("kWhPrice", -0.5, "kWhPrice is negative: -0.5"),
        ("price", -1, "price is negative: -1"),
        ("duration", -1, "duration is negative: -1"),
        ("chargingPointPower", 0, "chargingPointPower is not above 0: 0"),
    ],
)
def test_a_reservation_with_an_impossible_number_is_set_aside(key: str, value: float, reason: str) -> None:
    row = {**RESERVATION_ROW, key: value}
    assert ReservationsFile(holding("reservations.json", [row]), None).read() == (
        [],
        [SetAside("reservations.json", reason, row)],
    )


def test_a_point_with_a_negative_price_is_set_aside() -> None:
    row = {**POINT_ROW, "kWhPrice": -0.5}
    assert ChargingPointsFile(holding("charging_points.json", [row])).read() == (
        [],
        [SetAside("charging_points.json", "kWhPrice is negative: -0.5", row)],
    )


@pytest.mark.parametrize("availability", ["quebrado", "LIVRE", "", None, 5, [], True])
def test_an_unknown_availability_reads_occupied(availability: object) -> None:
    folder = holding("charging_points.json", [{**POINT_ROW, "availability": availability}])
    assert ChargingPointsFile(folder).read() == ([point(2, 1, 22, 0.5, "ocupado")], [])


@pytest.mark.parametrize(
    "changed",
    [
        {"chargingPointID": 0},
        {"chargingPointID": 1.5},
        {"chargingPointID": "1"},
        {"chargingPointID": True},
        {"chargingStationID": None},
        {"power": 0},
        {"power": -1},
        {"power": "22"},
        {"power": False},
        {"kWhPrice": None},
    ],
)
def test_a_point_that_cannot_be_used_is_set_aside(changed: dict[str, object]) -> None:
    row = {**POINT_ROW, **changed}
    points, (aside,) = ChargingPointsFile(holding("charging_points.json", [row, POINT_ROW])).read()
    assert points == [point(2, 1, 22, 0.5)]
    assert aside.record == row
    assert next(iter(changed)) in aside.reason


@pytest.mark.parametrize(
    "changed",
    [
        {"vehicleID": None},
        {"vehicleID": True},
        {"vehicleID": 1.5},
        {"startDateTime": "yesterday"},
        {"startDateTime": 0},
        {"finishDateTime": "2026-03-01T12:04:00"},
        {"startDateTime": "0001-01-01T00:00:00+14:00"},
    ],
)
def test_a_reservation_that_cannot_be_used_is_set_aside(changed: dict[str, object]) -> None:
    row = {**RESERVATION_ROW, **changed}
    reservations, (aside,) = ReservationsFile(holding("reservations.json", [row]), UTC).read()
    assert reservations == []
    assert aside.record == row


def test_a_reservation_that_finishes_before_it_starts_is_set_aside() -> None:
    backwards = replace(reservation(1, NOW, NOW + minutes(30)), finish=NOW - minutes(30))
    folder = SimulatedFolder()
    ReservationsFile(folder, None).write([backwards])
    found, (aside,) = ReservationsFile(folder, None).read()
    assert found == []
    assert "finishes before it starts" in aside.reason


def test_numbers_stay_as_written_and_an_id_may_be_a_float() -> None:
    row = {**POINT_ROW, "chargingPointID": 1.0, "power": 30, "kWhPrice": 1.0}
    (found,), _ = ChargingPointsFile(holding("charging_points.json", [row])).read()
    assert [repr(value) for value in (found.point_id, found.power, found.kwh_price)] == ["1", "30", "1.0"]


def test_dates_without_an_offset_are_in_the_zone_given() -> None:
    folder = holding("reservations.json", [RESERVATION_ROW])
    (found,), _ = ReservationsFile(folder, ZoneInfo("America/Sao_Paulo")).read()
    assert (found.start, found.finish) == (
        datetime(2026, 3, 1, 15, 5, tzinfo=UTC),
        datetime(2026, 3, 1, 16, 5, tzinfo=UTC),
    )


def test_dates_without_an_offset_are_in_the_machine_s_zone_by_default() -> None:
    (found,), _ = ReservationsFile(holding("reservations.json", [RESERVATION_ROW]), None).read()
    assert found.start == datetime(2026, 3, 1, 12, 5).astimezone(UTC)


def test_other_offsets_become_utc() -> None:
    row = {
        **RESERVATION_ROW,
        "startDateTime": "2026-03-01T12:05:00-03:00",
        "finishDateTime": "2026-03-01T15:35:00Z",
    }
    (found,), _ = ReservationsFile(holding("reservations.json", [row]), timezone(timedelta(hours=9))).read()
    assert (found.start.tzinfo, found.finish - found.start) == (UTC, minutes(30))


@pytest.mark.parametrize("huge", [10**400, -(10**400)])
@pytest.mark.parametrize("key", ["chargingPointID", "chargingStationID", "power", "kWhPrice"])
def test_a_number_too_large_to_compute_with_is_set_aside(key: str, huge: int) -> None:
    rows = [POINT_ROW, {**POINT_ROW, key: huge}]
    found, (aside,) = ChargingPointsFile(holding("charging_points.json", rows)).read()
    assert (found, aside.record) == ([point(2, 1, 22, 0.5)], rows[1])


@pytest.mark.parametrize("key", ["x_position", "y_position", "chargingStationID"])
def test_a_number_that_overflows_is_set_aside(key: str) -> None:
    row = {"chargingStationID": 1, "x_position": 2, "y_position": 3}
    text = json.dumps([{**row, key: 0.5}]).replace("0.5", "1e400")
    found, aside = ChargingStationsFile(SimulatedFolder({"charging_stations.json": text.encode()})).read()
    assert (found, len(aside)) == ([], 1)


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        ({"power": "22"}, "Expected `int | float`, got `str` - at `$.power`"),
        ({"power": 0}, "power is not above 0: 0"),
        ({"chargingPointID": 1.5}, "chargingPointID is not an integer above 0: 1.5"),
    ],
)
def test_a_reason_names_the_key_and_the_problem(changed: dict[str, object], reason: str) -> None:
    _, (aside,) = ChargingPointsFile(holding("charging_points.json", [{**POINT_ROW, **changed}])).read()
    assert (aside.file, aside.reason) == ("charging_points.json", reason)


def test_a_reason_names_a_date() -> None:
    row = {**RESERVATION_ROW, "finishDateTime": "yesterday"}
    _, (aside,) = ReservationsFile(holding("reservations.json", [row])).read()
    assert aside.reason == "finishDateTime is not a date: 'yesterday'"
