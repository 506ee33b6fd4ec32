"""The network in memory: the tables of its records, and indexes over them."""

from bisect import insort
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from itertools import chain
from operator import attrgetter

from cloud_service.core.changes import Changes
from cloud_service.core.due import PointCondition, Schedule, next_due
from cloud_service.core.flexible import FlexibleReservations
from cloud_service.core.locations import StationLocations
from cloud_service.core.nearest import NearestIndex
from cloud_service.core.numbers import Number
from cloud_service.core.queue import Queue
from cloud_service.core.records import Point, PointKey, Reservation, Station, VehicleKey
from cloud_service.core.rules import DEFAULT_RULES, Rules
from cloud_service.core.sessions import Absence, Session
from cloud_service.core.tables import Tables
from cloud_service.core.vehicles import VehicleReservations
from cloud_service.core.wishes import Booked

_point_key = attrgetter("station_id", "point_id")
_station_id = attrgetter("station_id")


class Network:
    """Tables with indexes that make all questions of a NetworkView cheap. It is one.

    `new_queue` makes the queue of a point.
    """

    def __init__(
        self,
        tables: Tables | None = None,
        rules: Rules = DEFAULT_RULES,
        new_queue: Callable[[], Queue] = Queue,
    ) -> None:
        self.tables = tables or Tables()
        self.rules = rules
        self.visits = 0
        """How many stations `stations_by_distance` has yielded so far: a measure of the work of bookings."""
        self._locations = StationLocations()
        self._owned: dict[str, set[int]] = {}
        self._points: dict[int, list[PointKey]] = {}
        """The points of each station, by ID."""
        self._new_queue = new_queue
        self._empty_queue = new_queue()
        self._queues: dict[PointKey, Queue] = {}
        self._vehicles = VehicleReservations()
        self._flexible = FlexibleReservations()
        self._last_booking = 0
        self._charging: dict[VehicleKey, PointKey] = {}
        self._schedule = Schedule()
        self._index()

    def _index(self) -> None:
        """Makes the indexes. Their keys are the tables' own: equal ones would take memory again."""
        tables = self.tables
        for station in tables.stations.values():
            self._locations.add(station.location, station.station_id)
            self._owned.setdefault(station.owner, set()).add(station.station_id)
        for key in sorted(tables.points):
            self._points.setdefault(key[0], []).append(key)
        self._nearest = NearestIndex(
            (station.station_id, station.x, station.y)
            for station in tables.stations.values()
            if station.station_id in self._points
        )
        for session in tables.sessions.values():
            self._note_vehicle(session)
        self._schedule.put_all(self._enqueue_all())

    def _enqueue_all(self) -> Iterator[tuple[PointKey, datetime]]:
        """Makes the queues, and yields when something is next due at each point at which something is."""
        by_point, sessions = _by_point(self.tables.reservations.values()), self.tables.sessions
        for key, point in self.tables.points.items():
            of_point = by_point.pop(key, None)
            if of_point is not None:
                self._enqueue(key, of_point)
            elif key not in sessions:
                continue
            moment = self._due(point, self._queues.get(key), sessions.get(key))
            if moment is not None:
                yield key, moment
        for key, of_point in by_point.items():  # nothing is due where the point itself is gone
            self._enqueue(key, of_point)

    def load(self, station_ids: Iterable[int]) -> None:
        """Fetches stations that are going to be asked for, where not all of them are in memory."""

    def station_ids(self) -> Iterable[int]:
        """The IDs of all stations."""
        return self.tables.stations

    def absences(self) -> Iterable[Absence]:
        """Which accounts are offline, and since when."""
        return self.tables.absences.values()

    def point_keys(self) -> Iterable[PointKey]:
        """The keys of all points."""
        return self.tables.points

    @property
    def last_station_id(self) -> int:
        return self.tables.last_station_id

    def station(self, station_id: int) -> Station | None:
        return self.tables.stations.get(station_id)

    def station_at(self, x: Number, y: Number) -> Station | None:
        station_id = self._locations.lowest((x, y))
        return None if station_id is None else self.tables.stations[station_id]

    @property
    def stations_with_points(self) -> int:
        return len(self._nearest)

    def stations_by_distance(self, x: Number, y: Number) -> Iterator[Station]:
        for number in self._nearest.by_distance(x, y):
            self.visits += 1
            yield self.tables.stations[number]

    def stations_of(self, owner: str) -> list[Station]:
        return [self.tables.stations[number] for number in sorted(self._owned.get(owner, ()))]

    def owns_stations(self, owner: str) -> bool:
        """Whether this account has a station."""
        return owner in self._owned

    def points(self, station_id: int) -> list[Point]:
        return [self.tables.points[key] for key in self._points.get(station_id, ())]

    def point(self, key: PointKey) -> Point | None:
        return self.tables.points.get(key)

    def queue(self, key: PointKey) -> Queue:
        return self._queues.get(key, self._empty_queue)

    def reservation_of(self, vehicle: VehicleKey) -> Reservation | None:
        return self._vehicles.get(vehicle)

    def next_booking(self, now: datetime) -> Booked:
        return Booked(now, self._last_booking + 1)

    def session(self, key: PointKey) -> Session | None:
        return self.tables.sessions.get(key) if self.tables.sessions else None

    def session_of(self, vehicle: VehicleKey) -> Session | None:
        key = self._charging.get(vehicle)
        return None if key is None else self.tables.sessions[key]

    def absence(self, owner: str) -> Absence | None:
        return self.tables.absences.get(owner) if self.tables.absences else None

    def condition(self, point: Point, absence: Absence | None) -> PointCondition:
        return PointCondition(point, self.queue(point.key), self.session(point.key), absence)

    def conditions(self, station: Station) -> list[PointCondition]:
        absence, points, sessions = self.absence(station.owner), self.tables.points, self.tables.sessions
        queues, empty = self._queues, self._empty_queue
        return [
            PointCondition(points[key], queues.get(key, empty), sessions.get(key), absence)
            for key in self._points.get(station.station_id, ())
        ]

    @property
    def has_flexible(self) -> bool:
        return bool(len(self._flexible))

    def flexible_near(self, x: Number, y: Number, most: int) -> list[Reservation]:
        return [self.tables.reservations[key] for key in self._flexible.near(x, y, most)]

    def first_due(self, now: datetime) -> PointKey | None:
        return self._schedule.first(now)

    def due_at(self, key: PointKey) -> datetime | None:
        """When something is due next at a point by the passing of time; None if nothing is."""
        return self._schedule.moment(key)

    @property
    def next_moment(self) -> datetime | None:
        """When something is due next by the passing of time; None if nothing is."""
        return self._schedule.next_moment

    def apply(self, changes: Changes) -> Changes:
        """Makes the changes, and returns the changes that undo them."""
        undo = self.tables.exchange(changes)
        for station in undo.stations:
            self._unlink_station(station)
        if changes.removed_points or undo.reservations:
            self._unlink_reservations(changes, undo)
        for station in changes.stations:
            self._link_station(station)
        if changes.removed_points or undo.removed_points:
            for point in changes.points:
                self._link_point(point)
        for key, of_point in _by_point(changes.reservations).items():
            self._enqueue(key, of_point)
        for session in undo.sessions:
            self._forget_vehicle(session)
        for session in changes.sessions:
            self._note_vehicle(session)
        for key in self._touched(changes, undo):
            self._reschedule(key)
        return undo

    def _unlink_reservations(self, changes: Changes, undo: Changes) -> None:
        """Unlinks the points that are removed, and all reservations that change."""
        outdated = {id(reservation): reservation for reservation in undo.reservations}
        for point_key in changes.removed_points:
            self._unlink_point(point_key)
            self._unlink_queue(point_key, outdated)
        for reservation in outdated.values():
            self._unlink_reservation(reservation)

    def _touched(self, changes: Changes, undo: Changes) -> set[PointKey]:
        """The points at which something else may be due."""
        keys = set(map(_point_key, chain(changes.reservations, undo.reservations, changes.points)))
        if changes.removed_points:
            keys.update(changes.removed_points)
        if changes.sessions or undo.sessions:
            keys.update(session.key for session in chain(changes.sessions, undo.sessions))
        if self.tables.absences or undo.absences:
            for station_id in self._stations_of_absent(changes, undo):
                keys.update(self._points.get(station_id, ()))
        return keys

    def _stations_of_absent(self, changes: Changes, undo: Changes) -> set[int]:
        """The stations whose owners are offline now, or were before the changes."""
        owners = {absence.owner for absence in chain(changes.absences, undo.absences)}
        stations = {station_id for owner in owners for station_id in self._owned.get(owner, ())}
        if self.tables.absences:
            stations.update(station.station_id for station in changes.stations)
        return stations

    def _reschedule(self, key: PointKey) -> None:
        point, queue = self.tables.points.get(key), self._queues.get(key)
        session = self.tables.sessions.get(key)
        due = None
        if point is not None and not (queue is None and session is None):
            due = self._due(point, queue, session)
        self._schedule.put(key, due)

    def _due(self, point: Point, queue: Queue | None, session: Session | None) -> datetime | None:
        """When something is next due at a point with a queue or a session; None if nothing is."""
        absence = None
        if self.tables.absences:
            station = self.tables.stations.get(point.station_id)
            absence = None if station is None else self.absence(station.owner)
        queue = self._empty_queue if queue is None else queue
        due = next_due(PointCondition(point, queue, session, absence), self.rules)
        return None if due is None else due[0]

    def _note_vehicle(self, session: Session) -> None:
        if session.vehicle is not None:
            self._charging[session.vehicle] = session.key

    def _forget_vehicle(self, session: Session) -> None:
        if session.vehicle is not None and self._charging.get(session.vehicle) == session.key:
            del self._charging[session.vehicle]

    def _link_station(self, station: Station) -> None:
        self._locations.add(station.location, station.station_id)
        self._owned.setdefault(station.owner, set()).add(station.station_id)
        if station.station_id in self._points:
            self._nearest.put(station.station_id, station.x, station.y)

    def _unlink_station(self, station: Station) -> None:
        self._locations.remove(station.location, station.station_id)
        owned = self._owned[station.owner]
        owned.remove(station.station_id)
        if not owned:
            del self._owned[station.owner]
        self._nearest.discard(station.station_id)

    def _link_point(self, point: Point) -> None:
        keys = self._points.setdefault(point.station_id, [])
        if point.key in keys:
            return
        insort(keys, point.key)
        station = self.tables.stations.get(point.station_id)
        if station is not None and point.station_id not in self._nearest:
            self._nearest.put(station.station_id, station.x, station.y)

    def _unlink_point(self, key: PointKey) -> None:
        station_id = key[0]
        keys = self._points.get(station_id, [])
        if key in keys:
            keys.remove(key)
        if not keys:
            self._points.pop(station_id, None)
            self._nearest.discard(station_id)

    def _enqueue(self, key: PointKey, reservations: list[Reservation]) -> None:
        queue = self._queues.get(key)
        if queue is None:
            queue = self._queues[key] = self._new_queue()
        queue.add_all(reservations)
        for reservation in reservations:
            self._note_reservation(reservation)

    def _note_reservation(self, reservation: Reservation) -> None:
        if reservation.booked is not None:
            self._last_booking = max(self._last_booking, reservation.booked.number)
        if reservation.wishes.flexible and reservation.state == "reserved":
            self._flexible.put(reservation)
        self._vehicles.add(reservation)

    def _unlink_reservation(self, reservation: Reservation) -> None:
        queue = self._queues[reservation.point_key]
        queue.remove(reservation)
        if not queue:
            del self._queues[reservation.point_key]
        self._unlink_vehicle(reservation)

    def _unlink_queue(self, key: PointKey, outdated: dict[int, Reservation]) -> None:
        """Unlinks the reservations of a point at once if all of them are outdated, and takes them from there.

        One by one, they would open a gap each in a queue that nobody asks any more. `outdated` has them by
        their identity, which is compared faster than their keys: there may be a hundred thousand.
        """
        queue = self._queues.get(key)
        if queue is None or not all(map(outdated.__contains__, map(id, queue))):
            return
        del self._queues[key]
        for reservation in queue:
            del outdated[id(reservation)]
            self._unlink_vehicle(reservation)

    def _unlink_vehicle(self, reservation: Reservation) -> None:
        self._flexible.discard(reservation)
        self._vehicles.discard(reservation)


def _by_point(reservations: Iterable[Reservation]) -> dict[PointKey, list[Reservation]]:
    by_point: dict[PointKey, list[Reservation]] = {}
    for reservation in reservations:
        by_point.setdefault(reservation.point_key, []).append(reservation)
    return by_point
