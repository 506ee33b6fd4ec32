"""The network in a database, read as a whole."""

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, Final, LiteralString, TypeVar

import msgspec

from cloud_service.core.changes import Event
from cloud_service.core.records import Point, Reservation, Station
from cloud_service.core.sessions import Absence, Session
from cloud_service.core.tables import Tables
from cloud_service.database.connection import Database
from cloud_service.database.copying.contents import Contents, Line, latest_of_each
from cloud_service.store.journal import RequestRecord
from cloud_service.store.network_clock import NetworkClock

Record = TypeVar("Record")

_LINES_AT_ONCE: Final = 5_000


def read_whole_database(database: Database, speed: float = 1.0) -> Contents:
    """Reads it within the transaction that has begun. `speed` is how fast time passes in it."""
    since, last_station_id = _rows(database, "SELECT created, last_station_id FROM network")[0]
    return Contents(
        read_tables(database, last_station_id),
        list(_requests(database)),
        _records(database, "SELECT record FROM events ORDER BY number", Event),
        None if speed == 1 else NetworkClock(since, speed),
    )


def read_tables(database: Database, last_station_id: int) -> Tables:
    """All records of the network."""
    stations = _records(database, "SELECT record FROM stations ORDER BY station_id", Station)
    points = _records(database, "SELECT record FROM points ORDER BY station_id, point_id", Point)
    reservations = _records(
        database,
        "SELECT record FROM reservations ORDER BY station_id, point_id, reservation_id",
        Reservation,
    )
    sessions = _records(database, "SELECT record FROM sessions ORDER BY station_id, point_id", Session)
    absences = _records(database, "SELECT record FROM absences ORDER BY owner", Absence)
    return Tables(
        {each.station_id: each for each in stations},
        {each.key: each for each in points},
        {each.key: each for each in reservations},
        last_station_id,
        {each.key: each for each in sessions},
        {each.owner: each for each in absences},
    )


def read_lines(database: Database, since: datetime | None = None) -> Iterator[Line]:
    """The history, ordered by time, without what ended before `since`. It is read in pieces."""
    with database.cursor("history") as cursor:
        cursor.itersize = _LINES_AT_ONCE
        cursor.execute(
            "SELECT record FROM history WHERE at >= coalesce(%s, '-infinity'::timestamptz)"
            " ORDER BY at, station_id, point_id, reservation_id",
            [since],
        )
        for (text,) in cursor:
            yield Line.of(text)


def count_lines(database: Database) -> int:
    """How many lines the history has."""
    return int(_rows(database, "SELECT count(*) FROM history")[0][0])


def _requests(database: Database) -> Iterator[tuple[datetime, RequestRecord]]:
    rows = _rows(database, "SELECT at, client, identity, fingerprint, status, body FROM requests")
    yield from latest_of_each(
        (at, RequestRecord(client, bytes(identity).decode(), fingerprint, status, body))
        for at, client, identity, fingerprint, status, body in rows
    )


def _records(database: Database, statement: LiteralString, kind: type[Record]) -> list[Record]:
    decode: Callable[[bytes], Record] = msgspec.json.Decoder(kind).decode
    return [decode(record) for (record,) in _rows(database, statement)]


def _rows(database: Database, statement: LiteralString) -> list[tuple[Any, ...]]:
    return database.execute(statement).fetchall()
