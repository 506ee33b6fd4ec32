"""Retained state: a message for each station and point, described in docs/mqtt.md, Retained state."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from operator import itemgetter
from typing import TypeAlias

import msgspec

from cloud_service.core.changes import Changes
from cloud_service.core.network import Network
from cloud_service.core.records import GATEWAY, iso_text
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message
from cloud_service.service.retained_topics import RetainedTopics, read_object

Subject: TypeAlias = tuple[int, ...]
"""(station ID,) or (station ID, point ID)."""

_encode = msgspec.json.Encoder().encode


class RetainedState(RetainedTopics[Subject]):
    """Which messages about stations and points are stale."""

    name = "state"
    filters = (f"{topics.ROOT}/state/#",)

    def _affected(self, changes: Changes) -> Iterator[Subject]:
        for station_id in changes.removed_stations:
            yield (station_id,)
        for station in changes.stations:
            yield (station.station_id,)
        yield from changes.removed_points
        for point in changes.points:
            yield point.station_id, point.point_id
        for station_id, _ in changes.removed_points:
            yield (station_id,)
        if changes.removed_reservations:
            yield from dict.fromkeys(map(itemgetter(0, 1), changes.removed_reservations))
        for reservation in changes.reservations:
            yield reservation.station_id, reservation.point_id
        yield from changes.removed_sessions
        for session in changes.sessions:
            yield session.key

    def _all(self, network: Network) -> Iterable[Subject]:
        for station_id in network.station_ids():
            yield (station_id,)
        yield from network.point_keys()

    def _station_of(self, subject: Subject) -> int:
        return subject[0]

    def _subject(self, topic: str) -> Subject | None:
        return topics.parse_state(topic)

    def _message(self, network: Network, subject: Subject, now: datetime) -> Message:
        known = _describe(network, subject)
        topic = topics.station_state(*subject) if len(subject) == 1 else topics.point_state(*subject)
        if known is None:
            return Message(topic, b"", retain=True)
        known["updated"] = iso_text(now)
        return Message(topic, _encode(known), retain=True, owner=_owner(network, subject))

    def _is_right(self, network: Network, subject: Subject, message: Message) -> bool:
        delivered = read_object(message.payload)
        if delivered is None:
            return False
        delivered.pop("updated", None)
        return delivered == _describe(network, subject) and message.owner == _owner(network, subject)


def _owner(network: Network, subject: Subject) -> str | None:
    """The owner of a station; None for a point, and for the stations of clients without accounts."""
    station = network.station(subject[0]) if len(subject) == 1 else None
    return None if station is None or station.owner == GATEWAY else station.owner


def _describe(network: Network, subject: Subject) -> dict[str, object] | None:
    """Returns the state without the time of its sending, or None if the subject does not exist."""
    if len(subject) == 1:
        station = network.station(subject[0])
        if station is None:
            return None
        described = station.described()
        described["chargingPoints"] = len(network.points(station.station_id))
        return described
    key = (subject[0], subject[1])
    point = network.point(key)
    if point is None:
        return None
    queue, session = network.queue(key), network.session(key)
    free_from = queue.free_from
    described = point.described()
    described["queueLength"] = len(queue)
    described["freeFrom"] = None if free_from is None else iso_text(free_from)
    described["operational"] = point.operational
    described["session"] = None if session is None else session.public()
    return described
