"""Records as columns: a statement takes each column as an array."""

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from cloud_service.core.records import Reservation, Station
from cloud_service.core.sessions import Session
from cloud_service.database.loaded_network import LoadedNetwork
from cloud_service.database.reading import clamped


def key_columns(keys: Sequence[tuple[int, ...]], count: int) -> list[list[int]]:
    """The columns of many keys."""
    return [[key[column] for key in keys] for column in range(count)]


def record_texts(records: Iterable[Struct]) -> list[str]:
    """The records as the journal of a data folder would have them."""
    return [msgspec.json.encode(record).decode() for record in records]


def station_columns(stations: Sequence[Station], network: LoadedNetwork) -> list[list[Any]]:
    """The columns of stations as they are in this network."""
    return [
        [each.station_id for each in stations],
        [each.owner for each in stations],
        [str(each.x) for each in stations],
        [str(each.y) for each in stations],
        [clamped(each.x) for each in stations],
        [clamped(each.y) for each in stations],
        [bool(network.points(each.station_id)) for each in stations],
        record_texts(stations),
    ]


def reservation_columns(reservations: Sequence[Reservation]) -> list[list[Any]]:
    """The columns of reservations that change."""
    places = [each.need for each in reservations]
    waits = [
        each.wishes.flexible and each.state == "reserved" and each.need is not None for each in reservations
    ]
    return [
        *key_columns([each.key for each in reservations], 3),
        [each.start for each in reservations],
        [each.finish for each in reservations],
        waits,
        [0.0 if need is None else clamped(need.x) for need in places],
        [0.0 if need is None else clamped(need.y) for need in places],
        record_texts(reservations),
    ]


def session_columns(sessions: Sequence[Session]) -> list[list[Any]]:
    """The columns of sessions."""
    return [
        *key_columns([each.key for each in sessions], 2),
        [None if each.vehicle is None else each.vehicle[0] for each in sessions],
        [None if each.vehicle is None else each.vehicle[1] for each in sessions],
        record_texts(sessions),
    ]
