"""Loads parts of the network: a few set-based statements for everything that a batch can touch."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, Final, LiteralString, TypeVar

import msgspec
import psycopg

from cloud_service.core.changes import Changes
from cloud_service.core.numbers import Number
from cloud_service.core.records import Point, PointKey, Reservation, Station, VehicleKey
from cloud_service.core.sessions import Absence, Session
from cloud_service.core.view import NetworkUnreadable
from cloud_service.database.connection import Database
from cloud_service.store.journal import RequestRecord

NUMBERS_OF_A_BATCH: Final = 1_000
"""How much the sequence of booking numbers grows each time (schema/0001_network.sql)."""
LARGEST_ID: Final = 2**63 - 1
MOST_FAR_AWAY: Final = 1e150
"""Places farther away are looked up at this distance, because their squares would overflow."""

Value = TypeVar("Value")

_station = msgspec.json.Decoder(Station).decode
_point = msgspec.json.Decoder(Point).decode
_reservation = msgspec.json.Decoder(Reservation).decode
_session = msgspec.json.Decoder(Session).decode
_absence = msgspec.json.Decoder(Absence).decode

_STATIONS: Final = """
    SELECT 1, record FROM stations WHERE station_id = ANY(%(ids)s)
    UNION ALL SELECT 2, record FROM points WHERE station_id = ANY(%(ids)s)
    UNION ALL SELECT 3, record FROM reservations WHERE station_id = ANY(%(ids)s)
    UNION ALL SELECT 4, record FROM sessions WHERE station_id = ANY(%(ids)s)
    UNION ALL SELECT 5, record FROM absences
        WHERE owner IN (SELECT owner FROM stations WHERE station_id = ANY(%(ids)s))
"""
_OF_VEHICLES: Final = """
    WITH asked AS (
        SELECT * FROM unnest(%(legacy)s::boolean[], %(vehicles)s::text[]) AS asked(legacy, vehicle)
    )
    SELECT station_id FROM reservations JOIN asked USING (legacy, vehicle)
    UNION SELECT station_id FROM sessions JOIN asked USING (legacy, vehicle)
"""
_NEAREST: Final = """
    SELECT asked.number, near.station_id
    FROM unnest(%(x)s::float8[], %(y)s::float8[]) WITH ORDINALITY AS asked(x, y, number),
    LATERAL (SELECT station_id FROM stations WHERE has_points
             ORDER BY place <-> point(asked.x, asked.y) LIMIT %(count)s) AS near
"""
_AT: Final = """
    SELECT station_id FROM stations
    JOIN unnest(%(x)s::text[], %(y)s::text[]) AS asked(x, y)
    ON stations.x = asked.x::numeric AND stations.y = asked.y::numeric
"""
_ANSWERED: Final = """
    SELECT client, identity, fingerprint, status, body FROM requests
    JOIN unnest(%(clients)s::text[], %(identities)s::bytea[]) AS asked(client, identity)
        USING (client, identity)
"""
_DUE: Final = """
    SELECT station_id, point_id, due_at FROM points
    WHERE due_at <= %(now)s AND NOT EXISTS (
        SELECT FROM unnest(%(stations)s::bigint[], %(points)s::bigint[]) AS aside(station_id, point_id)
        WHERE aside.station_id = points.station_id AND aside.point_id = points.point_id
    )
    ORDER BY due_at, station_id, point_id LIMIT %(most)s FOR UPDATE OF points SKIP LOCKED
"""
_ACCOUNTS: Final = """
    SELECT name, EXISTS (SELECT FROM absences WHERE owner = name),
        EXISTS (SELECT FROM stations WHERE owner = name)
    FROM unnest(%(names)s::text[]) AS asked(name)
"""
_COUNTS: Final = """
    SELECT 'stations', count(*) FROM stations
    UNION ALL SELECT 'reservations', count(*) FROM reservations
    UNION ALL SELECT 'sessions', count(*) FROM sessions
    UNION ALL SELECT 'absences', count(*) FROM absences
    UNION ALL SELECT record ->> 'availability', count(*) FROM points GROUP BY record ->> 'availability'
    UNION ALL SELECT 'out of order', count(*) FROM points JOIN stations USING (station_id)
        WHERE points.record ->> 'operational' = 'false' OR owner IN (
            SELECT owner FROM absences WHERE (record ->> 'since')::timestamptz <= %(absent_since)s
        )
    UNION ALL SELECT 'requests', coalesce(sum(reltuples), 0)::bigint  -- as of the last autovacuum
        FROM pg_inherits JOIN pg_class ON oid = inhrelid
        WHERE inhparent = 'requests'::regclass AND reltuples > 0
"""


class Reader:
    """Reads what is committed; within a transaction, what was committed when it began."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def clock(self) -> datetime:
        """The database's clock, by which everything is decided."""
        return self._one("SELECT clock_timestamp()", datetime)

    def made_at(self) -> datetime:
        """When the network was made."""
        return self._one("SELECT created FROM network", datetime)

    def stations(self, ids: Iterable[int]) -> Changes:
        """Stations with all that is at them: points, reservations, sessions, the absences of their owners."""
        found: dict[int, list[Any]] = {kind: [] for kind in range(1, 6)}
        decoders = {1: _station, 2: _point, 3: _reservation, 4: _session, 5: _absence}
        # Requests may name any number, but no ID is larger than the column can hold.
        possible = [station_id for station_id in ids if abs(station_id) <= LARGEST_ID]
        if not possible:
            return Changes()
        for kind, record in self._rows(_STATIONS, ids=possible):
            found[kind].append(decoders[kind](record))
        return Changes(
            stations=tuple(found[1]),
            points=tuple(found[2]),
            reservations=tuple(found[3]),
            sessions=tuple(found[4]),
            absences=tuple(found[5]),
        )

    def stations_of_vehicles(self, vehicles: Sequence[VehicleKey]) -> list[int]:
        """The stations where these vehicles have a reservation or a session."""
        return self._ids(
            _OF_VEHICLES,
            legacy=[legacy for legacy, _ in vehicles],
            vehicles=[vehicle for _, vehicle in vehicles],
        )

    def nearest(self, places: Sequence[tuple[Number, Number]], count: int) -> list[list[int]]:
        """For each place, this many of the nearest stations with points."""
        xs, ys = [clamped(x) for x, _ in places], [clamped(y) for _, y in places]
        found: list[list[int]] = [[] for _ in places]
        for number, station_id in self._rows(_NEAREST, x=xs, y=ys, count=count):
            found[number - 1].append(station_id)
        return found

    def waiting_near(self, x: Number, y: Number, count: int) -> list[int]:
        """The stations of the flexible reservations whose vehicles are nearest to a place."""
        return self._ids(
            "SELECT station_id FROM reservations WHERE waits_at IS NOT NULL"
            " ORDER BY waits_at <-> point(%(x)s, %(y)s) LIMIT %(count)s",
            x=clamped(x),
            y=clamped(y),
            count=count,
        )

    def stations_at(self, locations: Sequence[tuple[Number, Number]]) -> list[int]:
        """The stations at exactly these locations."""
        return self._ids(_AT, x=[str(x) for x, _ in locations], y=[str(y) for _, y in locations])

    def stations_of(self, owners: Sequence[str]) -> list[int]:
        """The stations of these owners."""
        return self._ids("SELECT station_id FROM stations WHERE owner = ANY(%(owners)s)", owners=list(owners))

    def owns_stations(self, owner: str) -> bool:
        """Whether an account has a station."""
        return self._one("SELECT EXISTS (SELECT FROM stations WHERE owner = %(owner)s)", bool, owner=owner)

    def absences_of(self, owners: Sequence[str]) -> list[Absence]:
        """Since when these accounts are offline, as far as they are."""
        rows = self._rows("SELECT record FROM absences WHERE owner = ANY(%(owners)s)", owners=list(owners))
        return [_absence(record) for (record,) in rows]

    def stations_with_points(self) -> int:
        """How many stations have points."""
        return self._one("SELECT count(*) FROM stations WHERE has_points", int)

    def has_flexible(self) -> bool:
        """Whether a flexible reservation waits."""
        return self._one("SELECT EXISTS (SELECT FROM reservations WHERE waits_at IS NOT NULL)", bool)

    def last_station_id(self) -> int:
        """The largest station ID ever given."""
        return self._one("SELECT last_station_id FROM network", int)

    def next_booking_numbers(self) -> range:
        """Numbers that no booking has had."""
        first = self._one("SELECT nextval('bookings')", int)
        return range(first, first + NUMBERS_OF_A_BATCH)

    def answered(self, keys: Sequence[tuple[str, str]]) -> dict[tuple[str, str], RequestRecord]:
        """The records of those requests, by client and identity, that were answered before."""
        rows = self._rows(
            _ANSWERED,
            clients=[client for client, _ in keys],
            identities=[identity.encode() for _, identity in keys],
        )
        records = (RequestRecord(client, bytes(identity).decode(), *rest) for client, identity, *rest in rows)
        return {(record.client, record.identity): record for record in records}

    def claim_due(
        self, now: datetime, most: int, without: Collection[PointKey]
    ) -> list[tuple[PointKey, datetime]]:
        """Points at which something is due, the earliest first. Each is given to one service only:

        Others pass them over until the transaction ends, and this one passes over those of `without`.
        """
        stations, points = [key[0] for key in without], [key[1] for key in without]
        rows = self._rows(_DUE, now=now, most=most, stations=stations, points=points)
        return [((station_id, point_id), due_at) for station_id, point_id, due_at in rows]

    def owners(self, station_ids: Iterable[int]) -> list[str]:
        """The owners of these stations, as far as there are any."""
        rows = self._rows(
            "SELECT DISTINCT owner FROM stations WHERE station_id = ANY(%(ids)s)", ids=list(station_ids)
        )
        return [owner for (owner,) in rows]

    def accounts(self, names: Sequence[str]) -> dict[str, tuple[bool, bool]]:
        """Of each of these accounts, whether it is known to be offline, and whether it owns stations."""
        rows = self._rows(_ACCOUNTS, names=list(names))
        return {name: (absent, owns_stations) for name, absent, owns_stations in rows}

    def all_stations(self) -> list[int]:
        """The IDs of all stations."""
        return self._ids("SELECT station_id FROM stations")

    def all_points(self) -> list[PointKey]:
        """The keys of all points."""
        return [(row[0], row[1]) for row in self._rows("SELECT station_id, point_id FROM points")]

    def all_absences(self) -> list[Absence]:
        """Since when which accounts are offline."""
        return [_absence(row[0]) for row in self._rows("SELECT record FROM absences")]

    def counts(self, absent_since: datetime | None) -> dict[str, int]:
        """How many records there are of each kind; of points, by availability too. Those of owners who have
        been offline since this moment are out of order.
        """
        return dict(self._rows(_COUNTS, absent_since=absent_since))

    def _ids(self, statement: LiteralString, **parameters: object) -> list[int]:
        return [row[0] for row in self._rows(statement, **parameters)]

    def _one(self, statement: LiteralString, kind: type[Value], **parameters: object) -> Value:
        value = self._rows(statement, **parameters)[0][0]
        assert isinstance(value, kind)
        return value

    def _rows(self, statement: LiteralString, **parameters: object) -> list[tuple[Any, ...]]:
        try:
            return self._database.execute(statement, parameters, prepare=True).fetchall()
        except (psycopg.Error, UnicodeError, OverflowError) as error:
            raise NetworkUnreadable(str(error)) from error


def clamped(coordinate: Number) -> float:
    """A coordinate from which the database can compute distances."""
    return max(-MOST_FAR_AWAY, min(MOST_FAR_AWAY, float(coordinate)))
