"""Writes the changes of a batch with a few set-based statements in one transaction.

Rows are locked in the same order by every service, so no two wait for each other in a circle: points by their
key, then stations by their ID, reservations and sessions by their vehicle, answered requests by client and
identity. A service that already holds points waits for no others.
"""

from collections.abc import Sequence
from datetime import UTC
from typing import Any, LiteralString
from uuid import UUID

import msgspec
from msgspec import Struct

from cloud_service.core.changes import ENDING, Event
from cloud_service.core.records import PointKey
from cloud_service.database import statements
from cloud_service.database.columns import (
    key_columns,
    record_texts,
    reservation_columns,
    session_columns,
    station_columns,
)
from cloud_service.database.connection import Database
from cloud_service.database.effect import BatchToWrite, NetEffect
from cloud_service.database.errors import Conflict
from cloud_service.database.peers import OWED_BY_OTHERS
from cloud_service.store.history import history_row


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
        effect = NetEffect(batch)
        with self._database.pipeline():
            locked = self._lock(effect, holds_points=bool(batch.looked_at))
            self._note_for_others(effect)
            self._remove(effect)
            self._put_stations(effect)
            self._put_points(effect)
            self._put_the_rest(effect)
            self._remember(batch)
            added = self._add_events(batch.events)
        if locked.rowcount < effect.known_points:
            raise Conflict("a point was deleted meanwhile")
        if added is None:
            return Written([])
        owed, numbers = added
        return Written([row[0] for row in numbers.fetchall()], owed.fetchone()[0])

    def take_freed(self, most: int) -> list[PointKey]:
        """Points whose time became free a while ago, each for one service only."""
        rows = self._run(statements.TAKE_FREED, most).fetchall()
        return sorted({(station_id, point_id) for station_id, point_id in rows})

    def _lock(self, effect: NetEffect, *, holds_points: bool) -> Any:
        lock = statements.LOCK_MORE_POINTS if holds_points else statements.LOCK_POINTS
        locked = self._run(lock, *key_columns(sorted(effect.points), 2))
        if effect.locked_stations:
            self._run(statements.LOCK_STATIONS, effect.locked_stations)
        return locked

    def _note_for_others(self, effect: NetEffect) -> None:
        keys = key_columns(sorted(effect.points), 2)
        self._run(statements.NOTE_CONTENDED, *keys, self._instance, effect.all_stations, self._instance)
        if effect.freed_points:
            self._run(statements.NOTE_FREED, *key_columns(effect.freed_points, 2), self._instance)

    def _remove(self, effect: NetEffect) -> None:
        if effect.removed_reservations:
            self._run(statements.DELETE_RESERVATIONS, *key_columns(effect.removed_reservations, 3))
        if effect.removed_sessions:
            self._run(statements.DELETE_SESSIONS, *key_columns(effect.removed_sessions, 2))
        if effect.removed_points:
            self._run(statements.DELETE_POINTS, *key_columns(effect.removed_points, 2))
        if effect.removed_stations:
            self._run("DELETE FROM stations WHERE station_id = ANY(%s)", effect.removed_stations)
        if effect.removed_absences:
            self._run("DELETE FROM absences WHERE owner = ANY(%s)", effect.removed_absences)

    def _put_stations(self, effect: NetEffect) -> None:
        if effect.changed_stations:
            self._run(statements.CHANGE_STATIONS, *station_columns(effect.changed_stations, effect.network))
        if effect.added_stations:
            self._run(statements.ADD_STATIONS, *station_columns(effect.added_stations, effect.network))
        if effect.last_station_id is not None:
            # After the stations, whose IDs have to be larger than this.
            self._run("UPDATE network SET last_station_id = %s", effect.last_station_id)

    def _put_points(self, effect: NetEffect) -> None:
        for statement, points in (
            (statements.CHANGE_POINTS, effect.changed_points),
            (statements.ADD_POINTS, effect.added_points),
        ):
            if points:
                dues = [effect.network.due_at(point.key) for point in points]
                keys = key_columns([point.key for point in points], 2)
                self._run(statement, self._instance, *keys, dues, record_texts(points))
        if effect.counted_stations:
            stations = effect.counted_stations
            self._run(
                statements.COUNT_POINTS,
                [each.station_id for each in stations],
                [each.last_point_id for each in stations],
            )

    def _put_the_rest(self, effect: NetEffect) -> None:
        changed, added = effect.changed_reservations, effect.added_reservations
        if changed:
            self._run(statements.CHANGE_RESERVATIONS, *reservation_columns(changed))
        if added:
            self._run(
                statements.ADD_RESERVATIONS,
                *reservation_columns(added),
                [each.legacy for each in added],
                [str(each.vehicle_id) for each in added],
            )
        if effect.counted_points:
            points = effect.counted_points
            self._run(
                statements.COUNT_RESERVATIONS,
                *key_columns([point.key for point in points], 2),
                [point.last_reservation_id for point in points],
            )
        if effect.put_sessions:
            self._run(statements.PUT_SESSIONS, *session_columns(effect.put_sessions))
        if effect.put_absences:
            absences = effect.put_absences
            self._run(statements.PUT_ABSENCES, [each.owner for each in absences], record_texts(absences))

    def _remember(self, batch: BatchToWrite) -> None:
        if batch.requests:
            day = batch.now.astimezone(UTC).date()
            self._run(
                statements.ADD_REQUESTS,
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
                statements.ADD_HISTORY,
                [event.at for event in ended],
                *key_columns([event.reservation.key for event in ended], 3),
                [msgspec.json.encode(history_row(event)).decode() for event in ended],
            )

    def _add_events(self, events: Sequence[Event]) -> tuple[Any, Any] | None:
        if not events:
            return None
        legacy = [event.reservation.legacy for event in events]
        vehicles = [str(event.reservation.vehicle_id) for event in events]
        owed = self._run(OWED_BY_OTHERS, legacy, vehicles, self._instance)
        return owed, self._run(statements.ADD_EVENTS, self._instance, legacy, vehicles, record_texts(events))

    def _run(self, statement: LiteralString, *parameters: object) -> Any:
        return self._database.execute(statement, parameters, prepare=True)
