"""Follows the network from its messages. It has no network and no clock: messages and time are passed in.

Each change gets the next number. `changes_since` costs time in proportion to what changed.
"""

import logging
import re
from collections import OrderedDict, deque
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import islice
from typing import Final

import msgspec

from cloud_service.overview.owners import Owners
from cloud_service.overview.recent import OF_EVENTS, RecentEvents
from cloud_service.overview.records import (
    Event,
    ServiceState,
    read_event,
    read_point,
    read_station,
    to_point,
)
from cloud_service.overview.reservations import Reservations
from cloud_service.overview.station import FIGURES, Station
from cloud_service.protocol import topics
from cloud_service.protocol.errors import BadRequest
from cloud_service.protocol.messages import Message
from cloud_service.protocol.presence import Presence, read_presence
from cloud_service.protocol.roles import SERVICE

log = logging.getLogger(__name__)

SUBSCRIPTIONS: Final = (
    topics.station_state("+"),
    topics.point_state("+", "+"),
    topics.presence("+"),
    topics.service("+"),
    topics.event("+", "+"),
)
KEPT_EVENTS: Final = 200
KEPT_MINUTES: Final = 60
_OF_RESERVATIONS: Final = ("reservationsNow", "reservationsSoon")
_RECENT_KEYS: Final = 10_000
_GONE: Final = 10_000
"""How many deleted stations `changes_since` can name."""

_OTHER = re.compile(rf"{topics.ROOT}/(presence|service|event)/([^/]+)(?:/[^/]+)?")


class Overview:
    """Stations, figures, services and the last events. `number` is that of the last change."""

    def __init__(self) -> None:
        self.number = 0
        self.stations: dict[int, Station] = {}
        self.services: dict[str, ServiceState] = {}
        self.broker = False
        self.events: deque[tuple[int, Event]] = deque(maxlen=KEPT_EVENTS)
        self.history: dict[str, deque[float | None]] = {
            name: deque([None] * KEPT_MINUTES, KEPT_MINUTES)
            for name in (*FIGURES, *OF_EVENTS, *_OF_RESERVATIONS)
        }
        self.reservations = Reservations()
        self._sums: dict[str, float] = dict.fromkeys(FIGURES, 0)
        self._changed: OrderedDict[int, int] = OrderedDict()
        self._gone: deque[tuple[int, int]] = deque()
        self._forgotten = 0
        self._owners = Owners()
        self._pace = Presence(online=False)
        """The service's presence, which says how its time passes."""
        self._keys: OrderedDict[tuple[object, ...], None] = OrderedDict()
        self._recent = RecentEvents()
        self._unconfirmed: set[tuple[int, ...]] = set()
        self._last_figures: dict[str, float | None] = {}
        self.is_complete = False
        """Whether the broker has sent everything that it has retained."""

    def receive(self, message: Message, now: datetime) -> None:
        """Takes a message. One that cannot be read is logged and skipped."""
        try:
            self._receive(message, now)
        except (msgspec.MsgspecError, BadRequest, ValueError, RecursionError) as error:
            log.warning("skipped the message on %s: %s", message.topic, error)

    def _receive(self, message: Message, now: datetime) -> None:
        subject = topics.parse_state(message.topic)
        if subject is not None:
            self._unconfirmed.discard(subject)
            self._receive_state(subject, message.payload, message.owner)
        elif match := _OTHER.fullmatch(message.topic):
            kind, client = match[1], match[2]
            if kind == "presence":
                self._receive_presence(client, message, now)
            elif kind == "service":
                self._receive_service(client, message)
            else:
                self._receive_event(read_event(message.payload), now)

    # The broker's connection

    def connected(self) -> None:
        """The broker sends its retained messages again; what it does not send no longer exists."""
        self._unconfirmed = {(station,) for station in self.stations}
        self._unconfirmed |= {
            (number, point) for number, station in self.stations.items() for point in station.points
        }
        self.broker = True
        self._next()

    def complete(self) -> None:
        """All retained messages have been sent."""
        for subject in self._unconfirmed:
            self._receive_state(subject, b"")
        self._unconfirmed = set()
        self.is_complete = True
        self.reservations.doubt()

    def disconnected(self) -> None:
        self.broker = self.is_complete = False
        self._next()

    # What changed

    def changes_since(self, number: int) -> tuple[list[Station], list[int]] | None:
        """The stations that changed, and the IDs of those that were deleted. None if only the whole network
        can tell.
        """
        if number < self._forgotten or number > self.number:
            return None
        changed = []
        for station, changed_at in reversed(self._changed.items()):
            if changed_at <= number:
                break
            changed.append(self.stations[station])
        gone = []
        for gone_at, station in reversed(self._gone):
            if gone_at <= number:
                break
            gone.append(station)
        return changed, gone

    def events_since(self, number: int) -> list[Event]:
        found: list[Event] = []
        for at, event in reversed(self.events):
            if at <= number:
                break
            found.append(event)
        return found[::-1]

    def known_stations(self) -> Iterable[Station]:
        """The stations whose location is known."""
        return (station for station in self.stations.values() if station.place is not None)

    def name_of(self, station: int) -> str | None:
        """The name of a station, if it is known and has one."""
        found = self.stations.get(station)
        return None if found is None or found.place is None else found.place.name

    def presence_of(self, station: int) -> tuple[bool, datetime] | None:
        """Whether the station's owner is online, and since when. None: its owner or presence is not known."""
        return self._owners.presence_of(station)

    @property
    def clients(self) -> Mapping[str, tuple[bool, datetime]]:
        """For each account with a presence topic: whether it is online, and since when that is known."""
        return self._owners.clients

    def network_time(self, now: datetime) -> datetime:
        """The network's time, which passes faster in a demonstration."""
        return self._pace.network_time(now)

    def changed_last(self, count: int) -> list[Station]:
        """This many stations, the most recently changed first."""
        return [self.stations[number] for number in islice(reversed(self._changed), count)]

    def figures(self, now: datetime) -> dict[str, float]:
        sums = {
            name: round(value, 6) + 0 for name, value in self._sums.items()
        }  # sums of floats, and never -0.0
        return {**sums, **self._recent.figures(now)}

    def all_figures(self, now: datetime) -> dict[str, float | None]:
        """All figures, including those from `reservations`; None for those that are not known yet."""
        reservations, time = self.reservations, self.network_time(now)
        timed = (reservations.under_way(time), reservations.starting_soon(time))
        return {**self.figures(now), **dict(zip(_OF_RESERVATIONS, timed, strict=True))}

    def second(self, now: datetime) -> None:
        """Notes what changes just because time passes. To be called about once a second."""
        for station in self._owners.become_absent(now, self._pace.speed):
            self._see_owner(station)
        figures = self.all_figures(now)
        if figures != self._last_figures:
            self._last_figures = figures
            self._next()

    def minute(self, now: datetime) -> None:
        """Adds the figures to the history: to be called once a minute."""
        for name, value in self.all_figures(now).items():
            self.history[name].append(value)

    # State

    def _receive_state(self, subject: tuple[int, ...], payload: bytes, owner: str | None = None) -> None:
        station = self.stations.get(subject[0])
        if station is None:
            if not payload:
                return
            station = Station(subject[0])
        before = station.contribution()
        if len(subject) == 1:
            station.place = read_station(payload) if payload else None
            self._owners.set_owner(station.number, owner)
            station.offline = self._owners.is_offline(station.number)
            station.absent = self._owners.is_absent(station.number)
        elif payload:
            point = station.points[subject[1]] = to_point(read_point(payload))
            self.reservations.receive_length((station.number, subject[1]), point.queue_length)
        else:
            station.points.pop(subject[1], None)
            self.reservations.receive_length((station.number, subject[1]), 0)
        self.stations[subject[0]] = station
        self._note(station, before)

    def _note(self, station: Station, before: dict[str, float]) -> None:
        for name, value in before.items():
            self._sums[name] -= value
        for name, value in station.contribution().items():
            self._sums[name] += value
        self._next()
        if station.place is not None:
            self._changed[station.number] = self.number
            self._changed.move_to_end(station.number)
            return
        if not station.points:
            del self.stations[station.number]
        if self._changed.pop(station.number, None) is not None:
            self._gone.append((self.number, station.number))
            if len(self._gone) > _GONE:
                self._forgotten = self._gone.popleft()[0]

    def _next(self) -> None:
        self.number += 1

    # Presence and services

    def _receive_presence(self, client: str, message: Message, now: datetime) -> None:
        online = read_presence(message.payload).online if message.payload else None
        for station in self._owners.receive(client, online, now):
            self._see_owner(station)

    def _receive_service(self, name: str, message: Message) -> None:
        if not message.payload:
            self.services.pop(name, None)
        else:
            presence = read_presence(message.payload)
            if name == SERVICE and presence.online:
                self._pace = presence
                for station in self._owners.count_absent_after(presence.out_of_order_after):
                    self._see_owner(station)
            state = ServiceState(
                name,
                presence.online,
                presence.since,
                presence.version,
                message.errors,
                presence.clock_speed,
                presence.clock_since,
            )
            if self.services.get(name) == state:
                return
            self.services[name] = state
        self._next()

    def _see_owner(self, number: int) -> None:
        station = self.stations.get(number)
        offline, absent = self._owners.is_offline(number), self._owners.is_absent(number)
        if station is None or (station.offline, station.absent) == (offline, absent):
            return
        before = station.contribution()
        station.offline, station.absent = offline, absent
        self._note(station, before)

    # Events

    def _receive_event(self, event: Event, now: datetime) -> None:
        if event.key in self._keys:
            return
        self._keys[event.key] = None
        if len(self._keys) > _RECENT_KEYS:
            self._keys.popitem(last=False)
        self._recent.note(event, now)
        self.reservations.receive_event(event)
        self._next()
        self.events.append((self.number, event))
