"""Retained state: a message for each station and point, which follows every change.

The messages are described in docs/mqtt.md, Retained state. Many changes of a point become one message.
Reconciliation compares what the broker has with the network, and marks what is missing, wrong or superfluous.
"""

from datetime import datetime
from operator import itemgetter
from typing import TypeAlias

import msgspec

from cloud_service.core.changes import Changes
from cloud_service.core.network import Network
from cloud_service.core.records import GATEWAY
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message

Subject: TypeAlias = tuple[int, ...]
"""(station ID,) or (station ID, point ID)."""

_encode = msgspec.json.Encoder().encode


class RetainedState:
    """Which retained messages are stale, and have to be sent."""

    def __init__(self) -> None:
        self._stale: dict[Subject, None] = {}
        self._confirmed: set[Subject] | None = None
        self._mark = b""

    def __len__(self) -> int:
        return len(self._stale)

    def note(self, changes: Changes) -> None:
        """Marks what these changes affect."""
        subjects: list[Subject] = [(station_id,) for station_id in changes.removed_stations]
        subjects += [(station.station_id,) for station in changes.stations]
        for key in (*changes.removed_points, *(point.key for point in changes.points)):
            subjects.append(key)
        subjects += [(station_id,) for station_id, _ in changes.removed_points]
        subjects += dict.fromkeys(map(itemgetter(0, 1), changes.removed_reservations))
        subjects += [reservation.point_key for reservation in changes.reservations]
        self._stale.update(dict.fromkeys(subjects))

    def take(self, network: Network, most: int, now: datetime) -> list[Message]:
        """Takes at most `most` stale messages. An empty payload clears what no longer exists."""
        subjects = [subject for subject, _ in zip(self._stale, range(most), strict=False)]
        for subject in subjects:
            del self._stale[subject]
        return [_message(network, subject, now) for subject in subjects]

    def begin_reconciliation(self, mark: bytes) -> None:
        """Expects all retained messages of the broker, and then this mark."""
        self._confirmed, self._mark = set(), mark

    def compare(self, network: Network, message: Message) -> None:
        """Takes a retained message of the broker: either it is right, or it is marked as stale."""
        subject = topics.parse_state(message.topic)
        if subject is None or not message.payload or self._confirmed is None:
            return
        if _is_right(network, subject, message):
            self._confirmed.add(subject)
        else:
            self._stale[subject] = None

    def end_reconciliation(self, network: Network, mark: bytes) -> bool:
        """Takes the mark: all retained messages have arrived, so what was not among them is missing.

        Returns False if the mark is that of an earlier reconciliation, and does nothing else.
        """
        if self._confirmed is None or mark != self._mark:
            return False
        subjects: list[Subject] = [(station_id,) for station_id in network.tables.stations]
        subjects += network.tables.points
        self._stale.update((subject, None) for subject in subjects if subject not in self._confirmed)
        self._confirmed = None
        return True


def _message(network: Network, subject: Subject, now: datetime) -> Message:
    known = _describe(network, subject)
    topic = topics.station_state(*subject) if len(subject) == 1 else topics.point_state(*subject)
    if known is None:
        return Message(topic, b"", retain=True)
    payload = _encode({**known, "updated": now.isoformat()})
    return Message(topic, payload, retain=True, owner=_owner(network, subject))


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
        return {**station.described(), "chargingPoints": len(network.points(station.station_id))}
    point = network.point((subject[0], subject[1]))
    if point is None:
        return None
    queue = network.queue(point.key)
    free_from = queue.free_from
    return {
        **point.described(),
        "queueLength": len(queue),
        "freeFrom": None if free_from is None else free_from.isoformat(),
    }


def _is_right(network: Network, subject: Subject, message: Message) -> bool:
    try:
        delivered = msgspec.json.decode(message.payload)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        return False
    if not isinstance(delivered, dict):
        return False
    delivered.pop("updated", None)
    return delivered == _describe(network, subject) and message.owner == _owner(network, subject)
