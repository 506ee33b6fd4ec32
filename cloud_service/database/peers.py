"""The services that share a database: which of them are alive, and which one leads.

An advisory lock of the database is held for as long as its connection lasts. Each service holds a lock of its
own, which shows the others that it is alive (access.py), and one of them holds the leader's lock.
"""

from collections.abc import Sequence
from typing import Any, Final
from uuid import UUID, uuid4

import msgspec
from msgspec import Struct

from cloud_service.core.changes import Changes, Event
from cloud_service.core.records import VehicleKey
from cloud_service.core.rules import Rules
from cloud_service.database.access import begin_life, is_dead, use_with_others
from cloud_service.database.connection import Database
from cloud_service.database.rules import require_rules

OWED_BY_OTHERS: Final = """
    SELECT EXISTS (
        SELECT FROM events JOIN unnest(%s::boolean[], %s::text[]) AS asked(legacy, vehicle)
            USING (legacy, vehicle)
        WHERE instance <> %s
    )
"""
_OLDER_OF_OTHERS: Final = """
    SELECT DISTINCT legacy, vehicle, asked.number FROM events
    JOIN unnest(%s::boolean[], %s::text[], %s::bigint[]) AS asked(legacy, vehicle, number)
        USING (legacy, vehicle)
    WHERE events.instance <> %s AND events.number < asked.number
"""
_LEADER: Final = 0x6C65_6164
_HEARS_ALL: Final = 0x6865_6172
"""The first key of the lock shared by all services that hear all brokers; the second is 0."""
_TELL_HEARING: Final = {
    True: "SELECT pg_advisory_lock_shared(%s, 0)",
    False: "SELECT pg_advisory_unlock_shared(%s, 0)",
}
_OTHERS_HEAR_ALL: Final = """
    SELECT EXISTS (
        SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND granted AND classid = %s::oid AND objid = 0
          AND pid <> pg_backend_pid()
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    )
"""
TURNS: Final = 0x7475_726E
"""The first key of the locks of stations where services take turns; the second is the station's ID."""
_TAKE_TURN: Final = """
    SELECT station FROM (
        SELECT station, (station %% 2147483647)::int AS key
        FROM unnest(%(stations)s::bigint[]) AS asked(station)
    ) AS asked
    WHERE CASE WHEN pg_try_advisory_lock(%(turns)s, key) THEN false
        ELSE pg_advisory_lock(%(turns)s, key)::text IS NOT NULL END
"""
_END_TURN: Final = """
    SELECT count(pg_advisory_unlock(%s, (station %% 2147483647)::int))
    FROM unnest(%s::bigint[]) AS asked(station)
"""

_event = msgspec.json.Decoder(Event).decode


class OwedEvent(Struct, frozen=True):
    """An event that its service may not have published, and its number in the database."""

    number: int
    event: Event


class Peers:
    """A service's place among the others, on its connection.

    Each connection is an instance of its own. Events of a broken connection, whose last commit may be
    unknown, are taken over like those of a service that has died.
    """

    def __init__(self, database: Database) -> None:
        self.instance = uuid4()
        self.leads = False
        self._hears_all = False
        self._database = database

    def join(self, rules: Rules) -> None:
        """Tells the others that this service is alive and follows these rules.

        Raises WriteFailed while the network is being copied, OtherRules if the others follow other ones, and
        psycopg.Error.
        """
        use_with_others(self._database)
        with self._database.transaction():
            require_rules(self._database, rules)
            begin_life(self._database, self.instance)

    def leave(self) -> None:
        """Tells the others that this service is ending properly."""
        self._database.execute("DELETE FROM instances WHERE instance = %s", [self.instance])

    def try_to_lead(self) -> bool:
        """Returns whether this service has just become the leader."""
        if self.leads:
            return False
        self.leads = bool(self._one("SELECT pg_try_advisory_lock(%s, 0)", _LEADER))
        return self.leads

    def stop_leading(self) -> None:
        """Lets another service lead."""
        self.leads = False
        self._one("SELECT pg_advisory_unlock(%s, 0)", _LEADER)

    def tell_hearing(self, *, all_brokers: bool) -> None:
        """Tells the others whether this service hears all brokers."""
        if all_brokers != self._hears_all:
            self._one(_TELL_HEARING[all_brokers], _HEARS_ALL)
            self._hears_all = all_brokers

    def others_hear_all(self) -> bool:
        """Whether another service hears all brokers."""
        return bool(self._one(_OTHERS_HEAR_ALL, _HEARS_ALL))

    def take_turn(self, stations: Sequence[int]) -> list[int]:
        """Locks stations in the given order, for services that take turns there.

        Returns those for which this service had to wait.
        """
        rows = self._database.execute(
            _TAKE_TURN, {"stations": list(stations), "turns": TURNS}, prepare=True
        ).fetchall()
        return [station for (station,) in rows]

    def end_turn(self, stations: Sequence[int]) -> None:
        """Releases them."""
        self._one(_END_TURN, TURNS, list(stations))

    def bury(self) -> list[OwedEvent] | None:
        """Takes over the unpublished events of dead services, in order. Returns None if none has died."""
        with self._database.transaction():
            dead = [instance for instance in self._others() if is_dead(self._database, instance)]
            if not dead:
                return None
            rows = self._database.execute(
                "UPDATE events SET instance = %s WHERE instance = ANY(%s) RETURNING number, record",
                [self.instance, dead],
            ).fetchall()
            self._database.execute("DELETE FROM instances WHERE instance = ANY(%s)", [dead])
        return [OwedEvent(number, _event(record)) for number, record in sorted(rows)]

    def contended(self) -> Changes:
        """What has to be published again, because several services published it at once: stations and points,
        as if they were removed.
        """
        rows = self._database.execute(
            "DELETE FROM contended WHERE at < clock_timestamp() - interval '2 seconds'"
            " RETURNING station_id, point_id",
            prepare=True,
        ).fetchall()
        return Changes(
            removed_stations=tuple({station_id for station_id, point_id in rows if point_id is None}),
            removed_points=tuple({key for key in rows if key[1] is not None}),
        )

    def waiting(self, asked: Sequence[tuple[VehicleKey, int]]) -> set[tuple[VehicleKey, int]]:
        """Those of these events, by vehicle and number, before which another service has to publish one."""
        rows = self._database.execute(
            _OLDER_OF_OTHERS,
            [
                [legacy for (legacy, _), _ in asked],
                [vehicle for (_, vehicle), _ in asked],
                [number for _, number in asked],
                self.instance,
            ],
            prepare=True,
        )
        return {((legacy, vehicle), number) for legacy, vehicle, number in rows}

    def _others(self) -> list[UUID]:
        rows = self._database.execute(
            "SELECT instance FROM instances WHERE instance <> %(mine)s"
            " UNION SELECT instance FROM events WHERE instance <> %(mine)s",
            {"mine": self.instance},
            prepare=True,
        )
        return [instance for (instance,) in rows]

    def _one(self, statement: Any, *parameters: object) -> Any:
        row = self._database.execute(statement, parameters, prepare=True).fetchone()
        assert row is not None
        return row[0]
