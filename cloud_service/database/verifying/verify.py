"""Checks a database as it is at one moment: whether services can rely on it, and whether its records fit."""

from collections.abc import Iterator
from typing import Any, Final, LiteralString

from msgspec import Struct, field

from cloud_service.core.network import Network
from cloud_service.core.records import ReservationKey
from cloud_service.core.rules import Rules
from cloud_service.core.tables import Tables
from cloud_service.database.access import half_copied_from
from cloud_service.database.connection import Database
from cloud_service.database.migrations import WrongSchema, require_schema
from cloud_service.database.reading import NUMBERS_OF_A_BATCH
from cloud_service.database.rules import noted_rules
from cloud_service.database.verifying.rows import (
    ABSENCES,
    EVENTS,
    HISTORY,
    POINTS,
    RESERVATIONS,
    SESSIONS,
    STATIONS,
    records_of,
)
from cloud_service.database.verifying.schema import find_missing_guards
from cloud_service.database.verifying.tables import find_misfits
from cloud_service.language.text import Text
from cloud_service.store.labels import label_of_point
from cloud_service.store.verify_ids import find_reused_ids
from cloud_service.store.verify_states import wrong_state

_WITH_POINTS: Final = """
    SELECT station_id FROM stations
    WHERE has_points <> EXISTS (SELECT FROM points WHERE points.station_id = stations.station_id)
    ORDER BY station_id
"""
_OF_OTHER_DAYS: Final = "SELECT count(*) FROM requests WHERE day <> (at AT TIME ZONE 'UTC')::date"
_LARGEST_NUMBER: Final = "SELECT pg_sequence_last_value('bookings'::regclass)"


class DatabaseReport(Struct):
    """What was found. The database is sound if there are no findings."""

    findings: list[Text] = field(default_factory=list)
    tables: Tables = field(default_factory=Tables)
    remembered: int = 0
    """Answered requests."""
    events: int = 0
    """Events that the brokers may not have yet."""
    ended: int = 0
    """Reservations in the history."""
    readable: bool = True
    """False if no service of this version would start on the database. Nothing was counted then."""


def examine_database(database: Database) -> DatabaseReport:
    """Reports what is wrong in a database, in a transaction that sees one moment. Raises psycopg.Error."""
    refusal = _refusal(database)
    if refusal is not None:
        return DatabaseReport([refusal], readable=False)
    findings = list(find_missing_guards(database))
    tables = _read_tables(database, findings)
    history = _check_history(database, findings)
    events = sum(1 for _ in records_of(database, EVENTS, findings))
    findings += find_misfits(tables)
    findings += find_reused_ids(tables, (), history)
    findings += _find_wrong_due(database, tables, noted_rules(database))
    findings += _find_wrong_columns(database, tables)
    remembered = _one(database, "SELECT count(*) FROM requests")
    return DatabaseReport(findings, tables, remembered, events, len(history))


def _refusal(database: Database) -> Text | None:
    """Why no service would start."""
    try:
        require_schema(database)
    except WrongSchema as error:
        return error.text
    source = half_copied_from(database)
    if source is None:
        return None
    return Text("the copy of {source} to this database was broken off", source=source)


def _read_tables(database: Database, findings: list[Text]) -> Tables:
    return Tables(
        {each.station_id: each for each in records_of(database, STATIONS, findings)},
        {each.key: each for each in records_of(database, POINTS, findings)},
        {each.key: each for each in records_of(database, RESERVATIONS, findings)},
        _one(database, "SELECT last_station_id FROM network"),
        {each.key: each for each in records_of(database, SESSIONS, findings)},
        {each.owner: each for each in records_of(database, ABSENCES, findings)},
    )


def _check_history(database: Database, findings: list[Text]) -> list[ReservationKey]:
    keys = []
    for row in records_of(database, HISTORY, findings):
        keys.append(row.reservation.key)
        problem = wrong_state(row.reservation.key, row.type, row.reservation.state)
        if problem is not None:
            findings.append(problem)
    return keys


def _find_wrong_due(database: Database, tables: Tables, rules: Rules | None) -> Iterator[Text]:
    """Where something would happen too early, too late or never.

    If the database does not say by which rules it was written, the next service writes it again.
    """
    if rules is None:
        return
    network = Network(tables, rules)
    for station_id, point_id, found in database.execute("SELECT station_id, point_id, due_at FROM points"):
        expected = network.due_at((station_id, point_id))
        if found != expected:
            yield Text(
                "{point}: something is due there at {expected}, but the database has {found}",
                point=label_of_point((station_id, point_id)),
                expected=expected,
                found=found,
            )


def _find_wrong_columns(database: Database, tables: Tables) -> Iterator[Text]:
    for (station_id,) in database.execute(_WITH_POINTS):
        yield Text("station {station}: has_points is wrong", station=station_id)
    if (wrong := _one(database, _OF_OTHER_DAYS)) > 0:
        yield Text("{count} answered requests are kept under another day than their own", count=wrong)
    booked = (row.booked for row in tables.reservations.values())
    largest = max((each.number for each in booked if each is not None), default=0)
    given = _one(database, _LARGEST_NUMBER)
    if largest > (0 if given is None else given + NUMBERS_OF_A_BATCH - 1):
        yield Text("the number of booking {number} would be given again", number=largest)


def _one(database: Database, statement: LiteralString) -> Any:
    row = database.execute(statement).fetchone()
    assert row is not None
    return row[0]
