"""What Home Assistant is told of the stations, by its MQTT discovery: each is a device with sensors.

A station has a message, and each of its points another one for the same device. So no message grows with the
station, and an empty one takes back exactly what it told. The values of the sensors are in the retained state
that everybody reads; only the number of free points is not, and has a message of its own.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import msgspec

from cloud_service.core.changes import Changes
from cloud_service.core.network import Network
from cloud_service.core.records import FREE
from cloud_service.protocol import home_assistant
from cloud_service.protocol.home_assistant import Subject
from cloud_service.protocol.messages import Message
from cloud_service.service.discovery_messages import discovery, point_sensors, station_sensors
from cloud_service.service.engine.absent_owners import AbsentOwners
from cloud_service.service.retained_topics import RetainedTopics, read_object

_encode = msgspec.json.Encoder().encode


class HomeAssistantTopics(RetainedTopics[Subject]):
    """Which messages for Home Assistant are stale. Switched off, the broker should have none.

    Each message makes Home Assistant set a device up again, and few changes of a point change one. So what is
    sent is remembered by its hash, and not repeated. None is sent until it is known what the broker has.
    """

    name = "home-assistant"
    filters = (home_assistant.OWN_TOPICS,)

    def __init__(self, *, switched_on: bool) -> None:
        super().__init__()
        self._switched_on = switched_on
        self._known: dict[Subject, int] = {}
        self._absent = AbsentOwners()
        self._compared = False

    @property
    def needed(self) -> bool:
        return self._switched_on

    def note(self, changes: Changes) -> None:
        if self._switched_on:
            super().note(changes)

    def note_withdrawn(self, message: Message) -> None:
        super().note_withdrawn(message)
        subject = self._subject(message.topic)
        if subject is not None:
            self._known.pop(subject, None)

    def take(self, network: Network, most: int, now: datetime) -> list[Message]:
        if not self._compared:
            return []
        for owner in self._absent.follow(network, now):
            stations = network.stations_of(owner)
            self._stale.update((Subject("free", station.station_id), None) for station in stations)
        return super().take(network, most, now)

    def trust(self) -> None:
        super().trust()
        self._compared = self._switched_on

    def begin_reconciliation(self, mark: bytes) -> None:
        super().begin_reconciliation(mark)
        self._compared = False
        self._known.clear()

    def end_reconciliation(self, network: Network, mark: bytes) -> bool:
        ended = super().end_reconciliation(network, mark)
        self._compared = self._compared or ended
        return ended

    def _affected(self, changes: Changes) -> Iterator[Subject]:
        for station_id in (*changes.removed_stations, *(station.station_id for station in changes.stations)):
            yield from (Subject("station", station_id), Subject("free", station_id))
        for station_id, point_id in (*changes.removed_points, *(point.key for point in changes.points)):
            yield from (Subject("point", station_id, point_id), Subject("free", station_id))

    def _all(self, network: Network) -> Iterable[Subject]:
        if not self._switched_on:
            return
        for station_id in network.station_ids():
            yield from (Subject("station", station_id), Subject("free", station_id))
        for station_id, point_id in network.point_keys():
            yield Subject("point", station_id, point_id)

    def _station_of(self, subject: Subject) -> int:
        return subject.station_id

    def _subject(self, topic: str) -> Subject | None:
        return home_assistant.parse(topic)

    def _message(self, network: Network, subject: Subject, now: datetime) -> Message | None:
        told = self._describe(network, subject)
        if told is None:
            self._known.pop(subject, None)
            return Message(home_assistant.topic_of(subject), b"", retain=True)
        payload = _encode(told)
        if self._known.get(subject) == hash(payload):
            return None
        self._known[subject] = hash(payload)
        if subject.kind == "station":  # its points may have to tell its name
            points = network.points(subject.station_id)
            self._stale.update((Subject("point", *point.key), None) for point in points)
        return Message(home_assistant.topic_of(subject), payload, retain=True)

    def _is_right(self, network: Network, subject: Subject, message: Message) -> bool:
        told = self._describe(network, subject)
        if told is None or read_object(message.payload) != told:
            return False
        self._known[subject] = hash(_encode(told))
        return True

    def _describe(self, network: Network, subject: Subject) -> dict[str, Any] | None:
        station = network.station(subject.station_id)
        if not self._switched_on or station is None:
            return None
        if subject.kind == "station":
            return discovery(station, station_sensors(station))
        if subject.kind == "free":
            points = network.points(station.station_id)
            free = sum(point.availability == FREE and point.operational for point in points)
            return {"freePoints": 0 if station.owner in self._absent else free}
        if network.point((subject.station_id, subject.point_id)) is None:
            return None
        return discovery(station, point_sensors(subject.station_id, subject.point_id))
