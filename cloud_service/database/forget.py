"""Erases a vehicle's name from a database that no service uses."""

from typing import Any, Final

import msgspec
from msgspec import Struct
from msgspec.structs import replace
from psycopg import sql

from cloud_service.core.changes import Event
from cloud_service.core.records import VehicleKey
from cloud_service.core.tables import Tables
from cloud_service.database.connection import Database
from cloud_service.database.copying.reading import read_tables
from cloud_service.store.nameless import body_without, history_row_without, refuse_if_needed

_ROWS_AT_ONCE: Final = 5_000
_WITH_NAMES: Final = ("sessions", "absences", "history", "requests", "requests_near_midnight")
_PUT_HISTORY: Final = """
    UPDATE history SET record = %s::json
    WHERE at = %s AND station_id = %s AND point_id = %s AND reservation_id = %s AND record::text = %s
"""


class Erased(Struct, frozen=True):
    """How many rows of a table had the name."""

    table: str
    rows: int


def forget_in_database(database: Database, vehicle: VehicleKey) -> list[Erased]:
    """Erases a vehicle's name, and has the database reuse the space where it was.

    The caller keeps services away, and owns the tables. Raises CannotForget while the network still needs the
    name, and psycopg.Error.
    """
    with database.transaction():
        tables = read_tables(database, 0)
        events = database.execute("SELECT record FROM events").fetchall()
        refuse_if_needed(tables, (msgspec.json.decode(text, type=Event) for (text,) in events), vehicle)
        erased = [
            Erased("sessions", _erase_sessions(database, tables, vehicle)),
            Erased("absences", _erase_absence(database, vehicle)),
            Erased("history", _erase_history(database, vehicle)),
            Erased("requests", _erase_requests(database, vehicle)),
        ]
    for table in _WITH_NAMES:
        database.execute(sql.SQL("VACUUM {}").format(sql.Identifier(table)))
    return [each for each in erased if each.rows]


def _erase_sessions(database: Database, tables: Tables, vehicle: VehicleKey) -> int:
    """A vehicle that still charges goes on without a name."""
    charging = [session for session in tables.sessions.values() if session.vehicle == vehicle]
    for session in charging:
        database.execute(
            "UPDATE sessions SET legacy = NULL, vehicle = NULL, record = %s::json"
            " WHERE station_id = %s AND point_id = %s",
            [_text(replace(session, vehicle=None)), *session.key],
        )
    return len(charging)


def _erase_absence(database: Database, vehicle: VehicleKey) -> int:
    legacy, name = vehicle
    return 0 if legacy else database.execute("DELETE FROM absences WHERE owner = %s", [name]).rowcount


def _erase_history(database: Database, vehicle: VehicleKey) -> int:
    count = 0
    with database.cursor("history") as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        cursor.execute("SELECT at, station_id, point_id, reservation_id, record FROM history")
        for *key, text in cursor:
            row: dict[str, Any] = msgspec.json.decode(text)
            changed = history_row_without(row, vehicle)
            if changed is not row:
                database.execute(_PUT_HISTORY, [_text(changed), *key, text.decode()])
                count += 1
    return count


def _erase_requests(database: Database, vehicle: VehicleKey) -> int:
    """Removes the requests of the account. A reply does not say which world a vehicle belongs to, so both are
    meant.
    """
    legacy, name = vehicle
    count = 0
    if not legacy:
        count = database.execute("DELETE FROM requests WHERE client = %s", [name]).rowcount
        database.execute("DELETE FROM requests_near_midnight WHERE client = %s", [name])
    with database.cursor("requests") as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        cursor.execute("SELECT client, identity, day, body FROM requests WHERE client <> %s", [name])
        for client, identity, day, body in cursor:
            changed = body_without(body, name)
            if changed != body:
                database.execute(
                    "UPDATE requests SET body = %s WHERE client = %s AND identity = %s AND day = %s",
                    [changed, client, identity, day],
                )
                count += 1
    return count


def _text(record: object) -> str:
    return msgspec.json.encode(record).decode()
