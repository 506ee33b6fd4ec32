"""Checks that the columns of a row say what its record says."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any, Final, Generic, LiteralString, TypeVar

import msgspec
from msgspec import Struct
from psycopg import sql

from cloud_service.core.changes import Event
from cloud_service.core.records import Point, Reservation, Station
from cloud_service.core.sessions import Absence, Session
from cloud_service.database.connection import Database
from cloud_service.database.copying.columns import Place, place_of, vehicle_of, waits_at
from cloud_service.language.text import Text
from cloud_service.store.ended import Ended

Record = TypeVar("Record", bound=Struct)

_ROWS_AT_ONCE: Final = 5_000


class Table(Struct, Generic[Record], frozen=True):
    """A table with records, the columns beside them, and what the columns should have for a record."""

    name: str
    columns: tuple[LiteralString, ...]
    kind: type[Record]
    expected: Callable[[Record], tuple[Any, ...]]


STATIONS: Final = Table(
    "stations",
    ("station_id", "owner", "x", "y", "place[0]", "place[1]", "last_point_id"),
    Station,
    lambda row: (row.station_id, row.owner, *map(_decimal, row.location), *place_of(row), row.last_point_id),
)
POINTS: Final = Table(
    "points",
    ("station_id", "point_id", "last_reservation_id"),
    Point,
    lambda row: (*row.key, row.last_reservation_id),
)
RESERVATIONS: Final = Table(
    "reservations",
    (
        "station_id",
        "point_id",
        "reservation_id",
        "legacy",
        "vehicle",
        "start",
        "finish",
        "waits_at[0]",
        "waits_at[1]",
    ),
    Reservation,
    lambda row: (*row.key, *row.vehicle, row.start, row.finish, *_both(waits_at(row))),
)
SESSIONS: Final = Table(
    "sessions",
    ("station_id", "point_id", "legacy", "vehicle"),
    Session,
    lambda row: (*row.key, *vehicle_of(row)),
)
ABSENCES: Final = Table("absences", ("owner",), Absence, lambda row: (row.owner,))
EVENTS: Final = Table("events", ("legacy", "vehicle"), Event, lambda row: row.reservation.vehicle)
HISTORY: Final = Table(
    "history",
    ("at", "station_id", "point_id", "reservation_id"),
    Ended,
    lambda row: (row.at, *row.reservation.key),
)


def records_of(database: Database, table: Table[Record], findings: list[Text]) -> Iterator[Record]:
    """The records of a table, read in pieces. What is wrong with a row is added to the findings."""
    decode = msgspec.json.Decoder(table.kind).decode
    with database.cursor(table.name) as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        columns = sql.SQL(", ").join(map(sql.SQL, table.columns))
        cursor.execute(sql.SQL("SELECT record, {} FROM {}").format(columns, sql.Identifier(table.name)))
        for text, *found in cursor:
            try:
                record = decode(text)
            except (msgspec.MsgspecError, ValueError) as error:
                findings.append(
                    Text(
                        "{table}: {record} is not what a service wrote: {error}",
                        table=table.name,
                        record=text.decode(),
                        error=error,
                    )
                )
                continue
            findings.extend(_find_differences(table, text, found, table.expected(record)))
            yield record


def _find_differences(
    table: Table[Record], text: bytes, found: list[Any], expected: tuple[Any, ...]
) -> Iterator[Text]:
    for name, column, said in zip(table.columns, found, expected, strict=True):
        if column != said:
            yield Text(
                "{table}: {column} is {found} in the row of {record}",
                table=table.name,
                column=name,
                found=column,
                record=text.decode(),
            )


def _decimal(coordinate: object) -> Decimal:
    return Decimal(str(coordinate))


def _both(place: Place | None) -> tuple[float | None, float | None]:
    return (None, None) if place is None else place
