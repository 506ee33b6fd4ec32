"""Faults that tests seed into services on a database, to show that a test finds them."""

from typing import Any, LiteralString

import pytest
from psycopg.pq import TransactionStatus

from cloud_service.database import statements
from cloud_service.database.connection import Database
from cloud_service.database.loaded_network import LoadedNetwork
from cloud_service.service.database_engine.answered_requests import AnsweredRequests
from tests.faults.seeded_faults import no_five_minutes

Patch = pytest.MonkeyPatch

__all__ = ["no_five_minutes"]


def reply_before_commit(patch: Patch) -> None:
    """A transaction is committed when the next one begins."""
    execute = Database.execute

    def late(database: Database, query: Any, *parameters: Any, **options: Any) -> Any:
        is_open = database.info.transaction_status == TransactionStatus.INTRANS
        if query == "COMMIT" and is_open:
            return execute(database, "SELECT")
        if str(query).startswith("BEGIN") and is_open:
            execute(database, "COMMIT")
        return execute(database, query, *parameters, **options)

    patch.setattr(Database, "execute", late)


def events_in_memory_only(patch: Patch) -> None:
    """The events of a batch get their numbers, but are not written with it."""
    patch.setattr(
        statements,
        "ADD_EVENTS",
        "SELECT nextval('events_number_seq'), %s AS instance"
        " FROM unnest(%s::boolean[], %s::text[], %s::text[]) AS new(legacy, vehicle, record)",
    )


def any_order_of_locks(patch: Patch) -> None:
    """Points are locked in any order."""
    _lock_one_by_one(patch, order="random()")


def slow_locks(patch: Patch) -> None:
    """Points are locked in their order, as slowly as with the fault above: this is none."""
    _lock_one_by_one(patch, order="station_id, point_id")


def _lock_one_by_one(patch: Patch, order: LiteralString) -> None:
    """Slowly, so that other services come in between."""
    patch.setattr(
        statements,
        "LOCK_POINTS",
        f"""
        SELECT FROM (
            SELECT * FROM unnest(%s::bigint[], %s::bigint[]) AS new(station_id, point_id) ORDER BY {order}
        ) AS asked,
        LATERAL (
            SELECT station_id FROM points
            WHERE points.station_id = asked.station_id AND points.point_id = asked.point_id FOR UPDATE
        ) AS locked,
        LATERAL pg_sleep(0.001 + 0 * locked.station_id)
        """,
    )


def vehicle_looks_free(patch: Patch) -> None:
    """Nobody looks whether a vehicle has a reservation already."""
    patch.setattr(LoadedNetwork, "reservation_of", lambda network, vehicle: None)


def place_looks_free(patch: Patch) -> None:
    """Nobody looks whether there is a station at a location already."""
    patch.setattr(LoadedNetwork, "station_at", lambda network, x, y: None)


def station_ids_begin_again(patch: Patch) -> None:
    """Nobody looks which IDs of stations were given."""
    patch.setattr(LoadedNetwork, "last_station_id", property(lambda network: 0))


def request_looks_new(patch: Patch) -> None:
    """Nobody looks whether a request was answered already."""
    patch.setattr(AnsweredRequests, "find", lambda requests, client, identity: None)
