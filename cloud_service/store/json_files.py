"""The three JSON files that people may read and, after a clean stop, edit.

Reading is lenient about rules, which the old server did not have, and strict about form: a file that is no
JSON or lacks a key stops the start, because guessing would lose somebody's data.
"""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from itertools import islice
from math import isfinite
from typing import Any, ClassVar, TypeVar

import msgspec
from msgspec import Struct

from cloud_service.core.records import FREE, GATEWAY, OCCUPIED, RESERVED, Point, Reservation, Station
from cloud_service.store.errors import DamagedStore
from cloud_service.store.filesystem import Folder, replace_file

_CHUNK = 500
"""Records written at a time: a writer beside the service holds it up no longer than these take."""

Record = TypeVar("Record", Station, Point, Reservation)


class SetAside(Struct, frozen=True):
    """A record that cannot be part of the network, and why."""

    file: str
    reason: str
    record: Any


class ChargingStationsFile:
    """`charging_stations.json`: every station's ID and location."""

    name: ClassVar = "charging_stations.json"
    keys: ClassVar = ("chargingStationID", "x_position", "y_position")

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def write(self, stations: Iterable[Station]) -> None:
        """Puts these stations in the place of what the file holds, in one step."""
        _write(self._folder, self.name, stations)

    def read(self) -> tuple[list[Station], list[SetAside]]:
        """The stations, all of them the gateway's, and the rows that are none.

        Raises DamagedStore where the file is not a JSON array of objects with these keys.
        """
        return _read(self._folder, self.name, self.keys, Station, _sound_station, _station)


class ChargingPointsFile:
    """`charging_points.json`: every point with its power (kW), its price of a kWh and its availability."""

    name: ClassVar = "charging_points.json"
    keys: ClassVar = ("chargingPointID", "chargingStationID", "power", "kWhPrice", "availability")

    def __init__(self, folder: Folder) -> None:
        self._folder = folder

    def write(self, points: Iterable[Point]) -> None:
        """Puts these points in the place of what the file holds, in one step."""
        _write(self._folder, self.name, points)

    def read(self) -> tuple[list[Point], list[SetAside]]:
        """The points, and the rows that are none; an availability that nobody knows reads `ocupado`.

        Raises DamagedStore where the file is not a JSON array of objects with these keys.
        """
        return _read(self._folder, self.name, self.keys, Point, _sound_point, _point)


class ReservationsFile:
    """`reservations.json`: every scheduled reservation. Dates without an offset are in the zone given."""

    name: ClassVar = "reservations.json"
    keys: ClassVar = (
        "reservationID",
        "chargingStationID",
        "chargingPointID",
        "chargingPointPower",
        "kWhPrice",
        "vehicleID",
        "startDateTime",
        "finishDateTime",
        "duration",
        "price",
    )

    def __init__(self, folder: Folder, zone: tzinfo | None) -> None:
        self._folder = folder
        self._zone = zone

    def write(self, reservations: Iterable[Reservation]) -> None:
        """Puts these reservations in the place of what the file holds, in one step."""
        _write(self._folder, self.name, reservations)

    def read(self) -> tuple[list[Reservation], list[SetAside]]:
        """The reservations, all of them legacy clients', and the rows that are none.

        Raises DamagedStore where the file is not a JSON array of objects with these keys.
        """

        def reservation(row: dict[str, Any]) -> Reservation:
            return _reservation(row, self._zone)

        return _read(self._folder, self.name, self.keys, Reservation, _sound_reservation, reservation)


def _write(
    folder: Folder, name: str, records: Iterable[Station] | Iterable[Point] | Iterable[Reservation]
) -> None:
    replace_file(folder, name, _indented(record.public() for record in records))


def _indented(rows: Iterator[dict[str, object]]) -> Iterator[bytes]:
    """A JSON array as the old server laid it out, in pieces."""
    opening = b"[\n"
    while chunk := list(islice(rows, _CHUNK)):
        yield opening + msgspec.json.format(msgspec.json.encode(chunk), indent=4)[2:-2]
        opening = b",\n"
    yield b"[]\n" if opening == b"[\n" else b"\n]\n"


def _read(
    folder: Folder,
    name: str,
    keys: tuple[str, ...],
    kind: type[Record],
    sound: Callable[[Record], bool],
    make: Callable[[dict[str, Any]], Record],
) -> tuple[list[Record], list[SetAside]]:
    """What the service wrote is read at once; what others wrote, row by row."""
    if name not in folder.names():
        return [], []
    data = folder.read(name).removeprefix(b"\xef\xbb\xbf")
    try:
        records: list[Record] = msgspec.json.decode(data, type=list[kind])  # type: ignore[valid-type]
        if all(map(sound, records)):
            return records, []
    except (msgspec.MsgspecError, ValueError, OverflowError, RecursionError):
        pass  # the slower way tells what is wrong, and where
    made, set_aside = [], []
    for row in _rows(folder, name, keys, data):
        try:
            made.append(make(row))
        except (ValueError, OverflowError, TypeError, msgspec.ValidationError) as error:
            set_aside.append(SetAside(name, str(error), _encodable(row)))
    return made, set_aside


def _encodable(value: Any) -> Any:
    """With half surrogate pairs spelled out: JSON can name them, and no file in UTF-8 can hold them."""
    if isinstance(value, str):
        return value.encode(errors="backslashreplace").decode()
    if isinstance(value, dict):
        return {_encodable(key): _encodable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_encodable(item) for item in value]
    return value


def _rows(folder: Folder, name: str, keys: tuple[str, ...], data: bytes) -> list[dict[str, Any]]:
    def damaged(problem: str) -> DamagedStore:
        advice = "Correct the file, or put a backup in its place, and start again; nothing was changed"
        return DamagedStore(folder.where(name), None, problem[:400], advice)

    try:
        rows = json.loads(data, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        raise damaged(f"no JSON: {error.msg}, line {error.lineno} column {error.colno}") from None
    except (ValueError, RecursionError) as error:
        raise damaged(f"no JSON: {error}") from None
    if not isinstance(rows, list):
        raise damaged("no JSON array")
    for number, row in enumerate(rows, 1):
        if not isinstance(row, dict):
            raise damaged(f"item {number} is no object: {row!r}")
        for key in keys:
            if key not in row:
                raise damaged(f"item {number} lacks the key {key!r}: {row!r}")
    return rows


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


# Sound is a record that the slower way would read alike; our own keys do not belong into these files.


def _sound_station(station: Station) -> bool:
    return (
        station.station_id > 0
        and isfinite(station.x)
        and isfinite(station.y)
        and station.last_point_id == 0
        and station.owner == GATEWAY
    )


def _sound_point(point: Point) -> bool:
    return (
        min(point.key) > 0
        and point.power > 0
        and isfinite(point.power)
        and isfinite(point.kwh_price)
        and point.last_reservation_id == 0
    )


def _sound_reservation(reservation: Reservation) -> bool:
    return (
        min(reservation.key) > 0
        and reservation.start.tzinfo is UTC
        and reservation.finish.tzinfo is UTC
        and reservation.start <= reservation.finish
        and isfinite(reservation.power)
        and isfinite(reservation.kwh_price)
        and isfinite(reservation.duration)
        and isfinite(reservation.price)
        and reservation.legacy
    )


def _station(row: dict[str, Any]) -> Station:
    return Station(_id(row, "chargingStationID"), _number(row, "x_position"), _number(row, "y_position"))


def _point(row: dict[str, Any]) -> Point:
    availability = row["availability"]
    return Point(
        _id(row, "chargingPointID"),
        _id(row, "chargingStationID"),
        _positive(row, "power"),
        _number(row, "kWhPrice"),
        availability if availability in (FREE, OCCUPIED, RESERVED) else OCCUPIED,
    )


def _reservation(row: dict[str, Any], zone: tzinfo | None) -> Reservation:
    vehicle_id = row["vehicleID"]
    if isinstance(vehicle_id, bool) or not isinstance(vehicle_id, int | str):
        raise ValueError(f"vehicleID is neither an integer nor a text: {vehicle_id!r}")
    if _encodable(vehicle_id) != vehicle_id:
        raise ValueError(f"vehicleID has half a surrogate pair: {vehicle_id!r}")
    start, finish = _moment(row, "startDateTime", zone), _moment(row, "finishDateTime", zone)
    if finish < start:
        raise ValueError("the reservation finishes before it starts")
    return Reservation(
        _id(row, "reservationID"),
        _id(row, "chargingStationID"),
        _id(row, "chargingPointID"),
        _number(row, "chargingPointPower"),
        _number(row, "kWhPrice"),
        vehicle_id,
        start,
        finish,
        _number(row, "duration"),
        _number(row, "price"),
    )


def _id(row: dict[str, Any], key: str) -> int:
    value = _number(row, key)
    if value != int(value) or value < 1:
        raise ValueError(f"{key} is no integer from 1: {value!r}")
    return int(value)


def _number(row: dict[str, Any], key: str) -> int | float:
    value = row[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise ValueError(f"{key} is no number: {value!r}")
    return value


def _positive(row: dict[str, Any], key: str) -> int | float:
    value = _number(row, key)
    if value <= 0:
        raise ValueError(f"{key} is not above 0: {value!r}")
    return value


def _moment(row: dict[str, Any], key: str, zone: tzinfo | None) -> datetime:
    value = row[key]
    if not isinstance(value, str):
        raise ValueError(f"{key} is no date: {value!r}")
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None and zone is not None:
        moment = moment.replace(tzinfo=zone)
    return moment.astimezone(UTC)
