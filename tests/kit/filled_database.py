"""Networks of any size in a database, written as fast as it takes them."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from math import isqrt
from typing import Any
from uuid import uuid4

import msgspec

from cloud_service.core.records import FREE, Point, Reservation, Station
from cloud_service.core.rules import DEFAULT_RULES
from cloud_service.database.connection import Database, connect
from cloud_service.database.preparing import prepare_schema
from cloud_service.database.rules import note_rules
from tests.kit.closed_loop import Place

_MINUTE = timedelta(minutes=1)
_MINUTES_APART = 600
"""Each of the reservations at a point is for an hour."""


def fill(address: str, stations: int, reservations_each: int = 0) -> list[Place]:
    """Makes the schema, and stations of one point each. Returns their places."""
    prepare_schema(address, None)
    side = isqrt(stations - 1) + 1
    places = [(float(number % side), float(number // side)) for number in range(stations)]
    start = datetime.now(UTC) + timedelta(days=1)
    first = start + _MINUTES_APART * _MINUTE
    due = first + timedelta(hours=1) if reservations_each else None
    with connect(address, name="fill") as database:
        database.execute("SET statement_timeout = 0")
        database.execute("SET session_replication_role = replica")  # no triggers: the IDs are new
        _copy(database, "stations", map(_station, range(1, stations + 1), places))
        points = (_point(number, reservations_each, due) for number in range(1, stations + 1))
        _copy(database, "points", points)
        database.execute("UPDATE network SET last_station_id = %s", [stations])
        rows = (
            _reservation(station, number, start + number * _MINUTES_APART * _MINUTE)
            for station in range(1, stations + 1)
            for number in range(1, reservations_each + 1)
        )
        _copy(database, "reservations", rows)
        note_rules(database, DEFAULT_RULES)
        database.execute("ANALYZE")
    return places


def empty(address: str) -> None:
    """Removes what was booked, so that the next bookings find what the first ones found."""
    with connect(address, name="empty") as database:
        database.execute("TRUNCATE reservations, requests, events, history, contended")
        database.execute("UPDATE points SET due_at = NULL WHERE due_at IS NOT NULL")


def _copy(database: Database, table: str, rows: Iterable[dict[str, Any]]) -> None:
    columns: str | None = None
    with database.cursor() as cursor:
        iterator = iter(rows)
        first = next(iterator, None)
        if first is None:
            return
        columns = ", ".join(first)
        with cursor.copy(f"COPY {table} ({columns}) FROM STDIN".encode()) as copy:
            copy.write_row(tuple(first.values()))
            for row in iterator:
                copy.write_row(tuple(row.values()))


def _record(record: msgspec.Struct) -> str:
    return msgspec.json.encode(record).decode()


def _station(number: int, place: Place) -> dict[str, Any]:
    x, y = place
    return {
        "station_id": number,
        "owner": "owner",
        "x": x,
        "y": y,
        "place": f"({x},{y})",
        "has_points": True,
        "last_point_id": 1,
        "record": _record(Station(number, x, y, "owner", 1)),
    }


def _point(station: int, reservations: int, due: datetime | None) -> dict[str, Any]:
    return {
        "station_id": station,
        "point_id": 1,
        "last_reservation_id": reservations,
        "due_at": due,
        "changed_at": datetime.now(UTC) - timedelta(hours=1),
        "changed_by": uuid4(),
        "record": _record(Point(1, station, 22, 1, FREE, reservations)),
    }


def _reservation(station: int, number: int, start: datetime) -> dict[str, Any]:
    vehicle, finish = f"filled-{station}-{number}", start + timedelta(hours=1)
    row = Reservation(number, station, 1, 22, 1, vehicle, start, finish, 1.0, 22, False)
    return {
        "station_id": station,
        "point_id": 1,
        "reservation_id": number,
        "legacy": False,
        "vehicle": vehicle,
        "start": start,
        "finish": finish,
        "record": _record(row),
    }
