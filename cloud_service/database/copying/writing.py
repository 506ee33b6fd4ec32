"""Writes a whole network into an empty database, with COPY."""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, Final, TypeAlias
from uuid import UUID, uuid4

import msgspec
from msgspec import Struct
from psycopg import sql

from cloud_service.core.network import Network
from cloud_service.core.numbers import Number
from cloud_service.core.records import Station
from cloud_service.core.rules import Rules
from cloud_service.core.tables import Tables
from cloud_service.database.connection import Database
from cloud_service.database.copying.columns import as_point, place_of, vehicle_of, waits_at
from cloud_service.database.copying.contents import STEP, Advance, Contents, Line

_GUARDED: Final = ("network", "stations", "points", "reservations", "requests")
"""Tables whose triggers check for each row whether its ID was given before. Here, all IDs are new."""

Row: TypeAlias = tuple[Any, ...]


class Copied(Struct, frozen=True):
    """What a copy writes into the columns that say who wrote a row."""

    at: datetime
    rules: Rules
    instance: UUID
    """Not a service, so a service that is alive takes over its events, like those of services that have died.
    """

    @classmethod
    def now(cls, at: datetime, rules: Rules) -> "Copied":
        return cls(at, rules, uuid4())


def write_whole_database(database: Database, contents: Contents, copied: Copied, advance: Advance) -> None:
    """Writes all but the history within the transaction that has begun.

    Only the owner of the tables can. Raises psycopg.Error.
    """
    tables = contents.tables
    _for_each(database, _GUARDED, "ALTER TABLE {} DISABLE TRIGGER USER")
    make_partitions(database, [at for at, _ in contents.requests])
    for statement, rows in (
        (_COPY_STATIONS, _stations(tables)),
        (_COPY_POINTS, _points(tables, copied)),
        (_COPY_RESERVATIONS, _reservations(tables)),
        (_COPY_SESSIONS, _sessions(tables)),
        ("COPY absences (owner, record) FROM STDIN", _absences(tables)),
        (_COPY_REQUESTS, _requests(contents)),
        ("COPY events (instance, legacy, vehicle, record) FROM STDIN", _events(contents, copied)),
    ):
        _copy(database, statement, rows, advance)
    _count_on(database, contents)
    _for_each(database, _GUARDED, "ALTER TABLE {} ENABLE TRIGGER USER")


def write_lines(database: Database, lines: Iterable[Line]) -> None:
    """Writes the history, whose months have their partitions."""
    rows = ((line.at, *line.key, line.text.decode()) for line in lines)
    _copy(
        database,
        "COPY history (at, station_id, point_id, reservation_id, record) FROM STDIN",
        rows,
        lambda count: None,
    )


def make_partitions(database: Database, moments: Iterable[datetime]) -> None:
    """Makes the partitions for records of these moments."""
    days = {moment.astimezone(UTC).date() for moment in moments}
    for day in sorted(days):
        start = datetime(day.year, day.month, day.day, tzinfo=UTC)
        database.execute("SELECT make_partitions(%s, 0)", [start])


def months_between(first: datetime, last: datetime) -> Iterator[datetime]:
    """A moment in each month, from that of the first moment to that of the last."""
    moment = first.replace(day=1)
    while moment <= last:
        yield moment
        moment = (moment + timedelta(days=32)).replace(day=1)


def _count_on(database: Database, contents: Contents) -> None:
    """Continues IDs and booking numbers after the largest ones, and time as it passes in the network."""
    database.execute("UPDATE network SET last_station_id = %s", [contents.tables.last_station_id])
    if contents.clock is not None:
        database.execute("UPDATE network SET created = %s", [contents.clock.since])
    booked = (each.booked for each in contents.tables.reservations.values())
    last = max((each.number for each in booked if each is not None), default=0)
    if last:
        database.execute("SELECT setval('bookings', %s)", [last])


def _for_each(database: Database, tables: Iterable[str], statement: str) -> None:
    for table in tables:
        database.execute(sql.SQL(statement).format(sql.Identifier(table)))


def _copy(database: Database, statement: str, rows: Iterable[Row], advance: Advance) -> None:
    with database.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        number = 0
        for number, row in enumerate(rows, 1):
            copy.write_row(row)
            if number % STEP == 0:
                advance(STEP)
        advance(number % STEP)


_COPY_STATIONS: Final = """
    COPY stations (station_id, owner, x, y, place, has_points, shares_location, last_point_id, record)
    FROM STDIN
"""
_COPY_POINTS: Final = """
    COPY points (station_id, point_id, last_reservation_id, due_at, changed_at, changed_by, record) FROM STDIN
"""
_COPY_RESERVATIONS: Final = """
    COPY reservations (station_id, point_id, reservation_id, legacy, vehicle, start, finish, waits_at, record)
    FROM STDIN
"""
_COPY_SESSIONS: Final = "COPY sessions (station_id, point_id, legacy, vehicle, record) FROM STDIN"
_COPY_REQUESTS: Final = "COPY requests (client, identity, at, day, fingerprint, status, body) FROM STDIN"

_json: Final[Callable[[object], str]] = lambda record: msgspec.json.encode(record).decode()  # noqa: E731


def _stations(tables: Tables) -> Iterator[Row]:
    """If stations are at one location, as in old files, all but the one with the lowest ID `share` it."""
    with_points = {station_id for station_id, _ in tables.points}
    locations: set[tuple[Number, Number]] = set()
    for _, each in sorted(tables.stations.items()):
        yield (
            each.station_id,
            each.owner,
            str(each.x),
            str(each.y),
            as_point(place_of(each)),
            each.station_id in with_points,
            _is_taken(each, locations),
            each.last_point_id,
            _json(each),
        )


def _is_taken(station: Station, locations: set[tuple[Number, Number]]) -> bool:
    is_taken = station.location in locations
    locations.add(station.location)
    return is_taken


def _points(tables: Tables, copied: Copied) -> Iterator[Row]:
    network = Network(tables, copied.rules)
    for key, each in sorted(tables.points.items()):
        due_at = network.due_at(key)
        yield (*key, each.last_reservation_id, due_at, copied.at, copied.instance, _json(each))


def _reservations(tables: Tables) -> Iterator[Row]:
    for key, each in sorted(tables.reservations.items()):
        yield (*key, *each.vehicle, each.start, each.finish, as_point(waits_at(each)), _json(each))


def _sessions(tables: Tables) -> Iterator[Row]:
    return ((*key, *vehicle_of(each), _json(each)) for key, each in sorted(tables.sessions.items()))


def _absences(tables: Tables) -> Iterator[Row]:
    return ((owner, _json(each)) for owner, each in sorted(tables.absences.items()))


def _requests(contents: Contents) -> Iterator[Row]:
    for at, each in contents.requests:
        day = at.astimezone(UTC).date()
        yield each.client, each.identity.encode(), at, day, each.fingerprint, each.status, each.body


def _events(contents: Contents, copied: Copied) -> Iterator[Row]:
    for each in contents.events:
        yield copied.instance, *each.reservation.vehicle, _json(each)
