"""What a batch changes, written with a few set-based statements in one transaction.

Rows are locked in the same order by every service, so no two wait for each other in a circle: points by their
key, then reservations by their vehicle, then answered requests by client and identity.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any, Final, LiteralString, TypeVar
from uuid import UUID

import msgspec
from msgspec import Struct

from cloud_service.core.changes import ENDING, Changes, Event
from cloud_service.core.records import PointKey, Reservation, ReservationKey, Station
from cloud_service.core.sessions import Session
from cloud_service.database.connection import Database
from cloud_service.database.errors import Conflict
from cloud_service.database.loaded_network import LoadedNetwork
from cloud_service.database.peers import OWED_BY_OTHERS
from cloud_service.database.reading import clamped
from cloud_service.store.history import history_row
from cloud_service.store.journal import RequestRecord

_LARGEST: Final = 2**63 - 1

Key = TypeVar("Key", int, PointKey, ReservationKey)
Record = TypeVar("Record")

_LOCK_POINTS: Final = """
    SELECT FROM points
    JOIN unnest(%s::bigint[], %s::bigint[]) AS asked(station_id, point_id) USING (station_id, point_id)
    ORDER BY station_id, point_id FOR UPDATE OF points
"""
_NOTE_CONTENDED: Final = """
    INSERT INTO contended (station_id, at)
    SELECT station_id, clock_timestamp() FROM (
        SELECT station_id FROM points
        JOIN unnest(%s::bigint[], %s::bigint[]) AS asked(station_id, point_id) USING (station_id, point_id)
        WHERE changed_by <> %s AND changed_at > clock_timestamp() - interval '5 seconds'
        UNION SELECT unnest(%s::bigint[])
    ) AS changed
    WHERE EXISTS (SELECT FROM instances WHERE instance <> %s)
"""
_DELETE_RESERVATIONS: Final = """
    DELETE FROM reservations
    USING unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS old(station_id, point_id, reservation_id)
    WHERE reservations.station_id = old.station_id AND reservations.point_id = old.point_id
      AND reservations.reservation_id = old.reservation_id
"""
_DELETE_SESSIONS: Final = """
    DELETE FROM sessions USING unnest(%s::bigint[], %s::bigint[]) AS old(station_id, point_id)
    WHERE sessions.station_id = old.station_id AND sessions.point_id = old.point_id
"""
_DELETE_POINTS: Final = """
    DELETE FROM points USING unnest(%s::bigint[], %s::bigint[]) AS old(station_id, point_id)
    WHERE points.station_id = old.station_id AND points.point_id = old.point_id
"""
_ADD_STATIONS: Final = """
    INSERT INTO stations (station_id, owner, x, y, place, has_points, last_point_id, record)
    SELECT id, owner, x::numeric, y::numeric, point(at_x, at_y), has_points, 0, record::json
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::float8[], %s::float8[], %s::boolean[],
                %s::text[])
        AS new(id, owner, x, y, at_x, at_y, has_points, record)
    ORDER BY id
"""
_CHANGE_STATIONS: Final = """
    UPDATE stations SET owner = new.owner, x = new.x::numeric, y = new.y::numeric,
        place = point(new.at_x, new.at_y), has_points = new.has_points, record = new.record::json
    FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::text[], %s::float8[], %s::float8[], %s::boolean[],
                %s::text[])
        AS new(id, owner, x, y, at_x, at_y, has_points, record)
    WHERE stations.station_id = new.id
"""
_COUNT_POINTS: Final = """
    UPDATE stations SET last_point_id = new.last_point_id
    FROM unnest(%s::bigint[], %s::bigint[]) AS new(station_id, last_point_id)
    WHERE stations.station_id = new.station_id AND stations.last_point_id <> new.last_point_id
"""
_ADD_POINTS: Final = """
    INSERT INTO points (station_id, point_id, last_reservation_id, due_at, changed_at, changed_by, record)
    SELECT station_id, point_id, 0, due_at, %s, %s, record::json
    FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::text[])
        AS new(station_id, point_id, due_at, record)
"""
_CHANGE_POINTS: Final = """
    UPDATE points SET changed_at = %s, changed_by = %s, due_at = new.due_at, record = new.record::json
    FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[], %s::text[])
        AS new(station_id, point_id, due_at, record)
    WHERE points.station_id = new.station_id AND points.point_id = new.point_id
"""
_COUNT_RESERVATIONS: Final = """
    UPDATE points SET last_reservation_id = new.last_reservation_id
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[]) AS new(station_id, point_id, last_reservation_id)
    WHERE points.station_id = new.station_id AND points.point_id = new.point_id
      AND points.last_reservation_id <> new.last_reservation_id
"""
_CHANGE_RESERVATIONS: Final = """
    UPDATE reservations SET start = new.start, finish = new.finish, record = new.record::json,
        waits_at = CASE WHEN new.waits THEN point(new.x, new.y) END
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::boolean[],
                %s::float8[], %s::float8[], %s::text[])
        AS new(station_id, point_id, reservation_id, start, finish, waits, x, y, record)
    WHERE reservations.station_id = new.station_id AND reservations.point_id = new.point_id
      AND reservations.reservation_id = new.reservation_id
"""
_ADD_RESERVATIONS: Final = """
    INSERT INTO reservations
        (station_id, point_id, reservation_id, start, finish, waits_at, record, legacy, vehicle)
    SELECT station_id, point_id, reservation_id, start, finish, CASE WHEN waits THEN point(x, y) END,
        record::json, legacy, vehicle
    FROM unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::timestamptz[], %s::timestamptz[], %s::boolean[],
                %s::float8[], %s::float8[], %s::text[], %s::boolean[], %s::text[])
        AS new(station_id, point_id, reservation_id, start, finish, waits, x, y, record, legacy, vehicle)
    ORDER BY legacy, vehicle
"""
_PUT_SESSIONS: Final = """
    INSERT INTO sessions (station_id, point_id, legacy, vehicle, record)
    SELECT station_id, point_id, legacy, vehicle, record::json
    FROM unnest(%s::bigint[], %s::bigint[], %s::boolean[], %s::text[], %s::text[])
        AS new(station_id, point_id, legacy, vehicle, record)
    ON CONFLICT (station_id, point_id) DO UPDATE
        SET legacy = excluded.legacy, vehicle = excluded.vehicle, record = excluded.record
"""
_PUT_ABSENCES: Final = """
    INSERT INTO absences (owner, record)
    SELECT owner, record::json FROM unnest(%s::text[], %s::text[]) AS new(owner, record)
    ON CONFLICT (owner) DO UPDATE SET record = excluded.record
"""
_ADD_REQUESTS: Final = """
    INSERT INTO requests (client, identity, at, day, fingerprint, status, body)
    SELECT client, identity, %s, %s, fingerprint, status, body
    FROM unnest(%s::text[], %s::bytea[], %s::bytea[], %s::text[], %s::text[])
        AS new(client, identity, fingerprint, status, body)
    ORDER BY client, identity
"""
_ADD_HISTORY: Final = """
    INSERT INTO history (at, station_id, point_id, reservation_id, record)
    SELECT at, station_id, point_id, reservation_id, record::json
    FROM unnest(%s::timestamptz[], %s::bigint[], %s::bigint[], %s::bigint[], %s::text[])
        AS new(at, station_id, point_id, reservation_id, record)
"""
_ADD_EVENTS: Final = """
    INSERT INTO events (instance, legacy, vehicle, record)
    SELECT %s, legacy, vehicle, record::json
    FROM unnest(%s::boolean[], %s::text[], %s::text[]) WITH ORDINALITY AS new(legacy, vehicle, record, nth)
    ORDER BY nth RETURNING number
"""


class BatchToWrite(Struct, frozen=True):
    """A batch that was decided, and the network as it is afterwards."""

    changes: Sequence[Changes]
    network: LoadedNetwork
    requests: Sequence[RequestRecord]
    now: datetime
    looked_at: tuple[PointKey, ...] = ()
    """Points of which it is written in any case when something is due next."""

    @property
    def events(self) -> list[Event]:
        return [event for changes in self.changes for event in changes.events]


class Written(Struct, frozen=True):
    """The numbers of a batch's events, and whether other services owe older ones of the same vehicles."""

    events: list[int]
    waits_for_others: bool = False


class Writer:
    """Writes batches in the name of a service, whose ID is `instance`."""

    def __init__(self, database: Database, instance: UUID) -> None:
        self._database = database
        self._instance = instance

    def write(self, batch: BatchToWrite) -> Written:
        """Writes a batch within the transaction that has begun.

        Raises Conflict or psycopg.Error if nothing was written.
        """
        touched = _Touched(batch)
        with self._database.pipeline():
            locked = self._run(_LOCK_POINTS, *_columns(sorted(touched.points), 2))
            self._note_contended(touched)
            self._remove(touched)
            self._put_stations(touched)
            self._put_points(touched, batch.now)
            self._put_the_rest(touched)
            self._remember(batch)
            added = self._add_events(batch.events)
        if locked.rowcount < touched.known_points:
            raise Conflict("a point was deleted meanwhile")
        if added is None:
            return Written([])
        owed, numbers = added
        return Written([row[0] for row in numbers.fetchall()], owed.fetchone()[0])

    def _note_contended(self, touched: "_Touched") -> None:
        keys = _columns(sorted(touched.points), 2)
        stations = [station.station_id for station in touched.changed_stations]
        self._run(_NOTE_CONTENDED, *keys, self._instance, stations, self._instance)

    def _remove(self, touched: "_Touched") -> None:
        if touched.removed_reservations:
            self._run(_DELETE_RESERVATIONS, *_columns(touched.removed_reservations, 3))
        if touched.removed_sessions:
            self._run(_DELETE_SESSIONS, *_columns(touched.removed_sessions, 2))
        if touched.removed_points:
            self._run(_DELETE_POINTS, *_columns(touched.removed_points, 2))
        if touched.removed_stations:
            self._run("DELETE FROM stations WHERE station_id = ANY(%s)", touched.removed_stations)
        if touched.removed_absences:
            self._run("DELETE FROM absences WHERE owner = ANY(%s)", touched.removed_absences)

    def _put_stations(self, touched: "_Touched") -> None:
        if touched.changed_stations:
            self._run(_CHANGE_STATIONS, *_station_columns(touched.changed_stations, touched.network))
        if touched.added_stations:
            self._run(_ADD_STATIONS, *_station_columns(touched.added_stations, touched.network))
        if touched.last_station_id is not None:
            # After the stations, whose IDs have to be larger than this.
            self._run("UPDATE network SET last_station_id = %s", touched.last_station_id)

    def _put_points(self, touched: "_Touched", now: datetime) -> None:
        for statement, points in (
            (_CHANGE_POINTS, touched.changed_points),
            (_ADD_POINTS, touched.added_points),
        ):
            if points:
                dues = [touched.network.due_at(point.key) for point in points]
                keys = _columns([point.key for point in points], 2)
                self._run(statement, now, self._instance, *keys, dues, _records(points))
        if touched.added_points:
            stations = touched.changed_stations + touched.added_stations
            self._run(
                _COUNT_POINTS,
                [each.station_id for each in stations],
                [each.last_point_id for each in stations],
            )

    def _put_the_rest(self, touched: "_Touched") -> None:
        changed, added = touched.changed_reservations, touched.added_reservations
        if changed:
            self._run(_CHANGE_RESERVATIONS, *_reservation_columns(changed))
        if added:
            self._run(
                _ADD_RESERVATIONS,
                *_reservation_columns(added),
                [each.legacy for each in added],
                [str(each.vehicle_id) for each in added],
            )
            points = touched.changed_points + touched.added_points
            self._run(
                _COUNT_RESERVATIONS,
                *_columns([point.key for point in points], 2),
                [point.last_reservation_id for point in points],
            )
        if touched.put_sessions:
            self._run(_PUT_SESSIONS, *_session_columns(touched.put_sessions))
        if touched.put_absences:
            absences = touched.put_absences
            self._run(_PUT_ABSENCES, [each.owner for each in absences], _records(absences))

    def _remember(self, batch: BatchToWrite) -> None:
        if batch.requests:
            day = batch.now.astimezone(UTC).date()
            self._run(
                _ADD_REQUESTS,
                batch.now,
                day,
                [each.client for each in batch.requests],
                [each.identity.encode() for each in batch.requests],
                [each.fingerprint for each in batch.requests],
                [each.status for each in batch.requests],
                [each.body for each in batch.requests],
            )
        ended = [event for event in batch.events if event.type in ENDING]
        if ended:
            self._run(
                _ADD_HISTORY,
                [event.at for event in ended],
                *_columns([event.reservation.key for event in ended], 3),
                [msgspec.json.encode(history_row(event)).decode() for event in ended],
            )

    def _add_events(self, events: Sequence[Event]) -> tuple[Any, Any] | None:
        if not events:
            return None
        legacy = [event.reservation.legacy for event in events]
        vehicles = [str(event.reservation.vehicle_id) for event in events]
        owed = self._run(OWED_BY_OTHERS, legacy, vehicles, self._instance, _LARGEST)
        return owed, self._run(_ADD_EVENTS, self._instance, legacy, vehicles, _records(events))

    def _run(self, statement: LiteralString, *parameters: object) -> Any:
        return self._database.execute(statement, parameters, prepare=True)


class _Touched:
    """The net effect of a batch: what has to be removed, changed and added."""

    def __init__(self, batch: BatchToWrite) -> None:
        self.network = batch.network
        before, after = batch.network.as_loaded, batch.network.tables
        stations, points, reservations, owners = _touched_keys(batch.changes, batch.network)
        points.update(batch.looked_at)
        points |= {key[:2] for key in reservations}
        stations |= {
            station_id for station_id, point_id in points if (station_id, point_id) not in after.points
        }
        self.points = points
        self.known_points = sum(key in before.points for key in points)
        self.removed_stations = sorted(stations & before.stations.keys() - after.stations.keys())
        self.removed_points = sorted(points & before.points.keys() - after.points.keys())
        self.removed_reservations = sorted(
            reservations & before.reservations.keys() - after.reservations.keys()
        )
        self.removed_sessions = sorted(points & before.sessions.keys() - after.sessions.keys())
        self.removed_absences = sorted(owners & before.absences.keys() - after.absences.keys())
        self.changed_stations, self.added_stations = _put(stations, before.stations, after.stations)
        self.changed_points, self.added_points = _put(points, before.points, after.points)
        self.changed_reservations, self.added_reservations = _put(
            reservations, before.reservations, after.reservations
        )
        self.put_sessions = [after.sessions[key] for key in sorted(points & after.sessions.keys())]
        self.put_absences = [after.absences[key] for key in sorted(owners & after.absences.keys())]
        counted = [
            changes.last_station_id for changes in batch.changes if changes.last_station_id is not None
        ]
        self.last_station_id = max(counted, default=None)


def _put(
    keys: set[Key], before: dict[Key, Record], after: dict[Key, Record]
) -> tuple[list[Record], list[Record]]:
    """The records that were there before, and those that are new."""
    there = sorted(keys & after.keys())
    changed = [after[key] for key in there if key in before]
    return changed, [after[key] for key in there if key not in before]


def _touched_keys(
    batch: Sequence[Changes], network: LoadedNetwork
) -> tuple[set[int], set[PointKey], set[ReservationKey], set[str]]:
    stations, points, reservations, owners = set[int](), set[PointKey](), set[ReservationKey](), set[str]()
    for changes in batch:
        stations.update(changes.removed_stations, (each.station_id for each in changes.stations))
        points.update(changes.removed_points, changes.removed_sessions)
        points.update(each.key for each in changes.points)
        points.update(each.key for each in changes.sessions)
        reservations.update(changes.removed_reservations, (each.key for each in changes.reservations))
        owners.update(changes.removed_absences, (each.owner for each in changes.absences))
    moved = [station for changes in batch for station in changes.stations if _is_elsewhere(station, network)]
    for owner in owners:
        for station in network.stations_of(owner):
            points.update(point.key for point in network.points(station.station_id))
    for station in moved:
        points.update(point.key for point in network.points(station.station_id))
    return stations, points, reservations, owners


def _is_elsewhere(station: Station, network: LoadedNetwork) -> bool:
    """Whether a station has moved or has another owner: whoever books there meanwhile has to know."""
    before = network.as_loaded.stations.get(station.station_id)
    return before is not None and (before.location, before.owner) != (station.location, station.owner)


def _columns(keys: Sequence[tuple[int, ...]], count: int) -> list[list[int]]:
    """The columns of many keys."""
    return [[key[column] for key in keys] for column in range(count)]


def _records(records: Iterable[Struct]) -> list[str]:
    return [msgspec.json.encode(record).decode() for record in records]


def _station_columns(stations: Sequence[Station], network: LoadedNetwork) -> list[list[Any]]:
    return [
        [each.station_id for each in stations],
        [each.owner for each in stations],
        [str(each.x) for each in stations],
        [str(each.y) for each in stations],
        [clamped(each.x) for each in stations],
        [clamped(each.y) for each in stations],
        [bool(network.points(each.station_id)) for each in stations],
        _records(stations),
    ]


def _reservation_columns(reservations: Sequence[Reservation]) -> list[list[Any]]:
    places = [each.need for each in reservations]
    waits = [
        each.wishes.flexible and each.state == "reserved" and each.need is not None for each in reservations
    ]
    return [
        *_columns([each.key for each in reservations], 3),
        [each.start for each in reservations],
        [each.finish for each in reservations],
        waits,
        [0.0 if need is None else clamped(need.x) for need in places],
        [0.0 if need is None else clamped(need.y) for need in places],
        _records(reservations),
    ]


def _session_columns(sessions: Sequence[Session]) -> list[list[Any]]:
    return [
        *_columns([each.key for each in sessions], 2),
        [None if each.vehicle is None else each.vehicle[0] for each in sessions],
        [None if each.vehicle is None else each.vehicle[1] for each in sessions],
        _records(sessions),
    ]
