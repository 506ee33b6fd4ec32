"""The network in memory: the tables of its records, and indexes over them."""

from collections.abc import Iterable, Iterator
from datetime import datetime
from heapq import heapify, heappop, heappush
from itertools import chain, filterfalse
from typing import TypeVar

from msgspec import Struct, field

from cloud_service.core.changes import Changes
from cloud_service.core.nearest import NearestIndex
from cloud_service.core.queue import Queue
from cloud_service.core.records import (
    Number,
    Point,
    PointKey,
    Reservation,
    ReservationKey,
    Station,
    VehicleKey,
)

Key = TypeVar("Key")
Record = TypeVar("Record")


class Tables(Struct):
    """The records of the network by key, and nothing derived from them. This is what a store keeps."""

    stations: dict[int, Station] = field(default_factory=dict)
    points: dict[PointKey, Point] = field(default_factory=dict)
    reservations: dict[ReservationKey, Reservation] = field(default_factory=dict)
    last_station_id: int = 0

    def apply(self, changes: Changes) -> None:
        """Makes the changes, without checking whether they fit."""
        for station_id in changes.removed_stations:
            self.stations.pop(station_id, None)
        for point_key in changes.removed_points:
            self.points.pop(point_key, None)
        for key in changes.removed_reservations:
            self.reservations.pop(key, None)
        self.stations.update((station.station_id, station) for station in changes.stations)
        self.points.update((point.key, point) for point in changes.points)
        self.reservations.update((reservation.key, reservation) for reservation in changes.reservations)
        if changes.last_station_id is not None:
            self.last_station_id = changes.last_station_id

    def snapshot(self) -> "Tables":
        """Returns a copy. The records are frozen, so copying the dictionaries is enough."""
        return Tables(dict(self.stations), dict(self.points), dict(self.reservations), self.last_station_id)


class Network:
    """Tables with indexes that make all questions of a NetworkView cheap. It is one."""

    def __init__(self, tables: Tables | None = None) -> None:
        self.tables = tables or Tables()
        self.visits = 0
        """How many stations `stations_by_distance` has yielded so far: a measure of the work of bookings."""
        self._locations: dict[tuple[Number, Number], list[int]] = {}
        self._owned: dict[str, set[int]] = {}
        self._station_points: dict[int, list[int]] = {}
        self._queues: dict[PointKey, Queue] = {}
        self._vehicles: dict[VehicleKey, Reservation] = {}
        for station in self.tables.stations.values():
            self._locations.setdefault(station.location, []).append(station.station_id)
            self._owned.setdefault(station.owner, set()).add(station.station_id)
        for station_id, point_id in self.tables.points:
            self._station_points.setdefault(station_id, []).append(point_id)
        for reservation in self.tables.reservations.values():
            self._enqueue(reservation)
        self._nearest = NearestIndex(
            (station.station_id, station.x, station.y)
            for station in self.tables.stations.values()
            if station.station_id in self._station_points
        )
        self._finishes = [
            (reservation.finish, reservation.key) for reservation in self.tables.reservations.values()
        ]
        heapify(self._finishes)

    @property
    def last_station_id(self) -> int:
        return self.tables.last_station_id

    def station(self, station_id: int) -> Station | None:
        return self.tables.stations.get(station_id)

    def station_at(self, x: Number, y: Number) -> Station | None:
        numbers = self._locations.get((x, y))
        return self.tables.stations[min(numbers)] if numbers else None

    def nearest_station(self, x: Number, y: Number) -> Station | None:
        number = self._nearest.nearest(x, y)
        return None if number is None else self.tables.stations[number]

    def stations_by_distance(self, x: Number, y: Number) -> Iterator[Station]:
        for number in self._nearest.by_distance(x, y):
            self.visits += 1
            yield self.tables.stations[number]

    def stations_of(self, owner: str) -> list[Station]:
        return [self.tables.stations[number] for number in sorted(self._owned.get(owner, ()))]

    def points(self, station_id: int) -> list[Point]:
        numbers = sorted(self._station_points.get(station_id, ()))
        return [self.tables.points[station_id, number] for number in numbers]

    def point(self, key: PointKey) -> Point | None:
        return self.tables.points.get(key)

    def queue(self, key: PointKey) -> Queue:
        return self._queues.get(key) or Queue()

    def reservation_of(self, vehicle: VehicleKey) -> Reservation | None:
        return self._vehicles.get(vehicle)

    def finished(self, now: datetime) -> Iterator[Reservation]:
        due, unseen = [], [0]
        while unseen:  # in a heap, no entry is earlier than its parent
            at = unseen.pop()
            if at < len(self._finishes) and self._finishes[at][0] <= now:
                due.append(self._finishes[at])
                unseen += (2 * at + 1, 2 * at + 2)
        for finish, key in sorted(set(due)):  # one that was taken back and made again is there twice
            reservation = self.tables.reservations.get(key)
            if reservation is not None and reservation.finish == finish:
                yield reservation

    def apply(self, changes: Changes) -> Changes:
        """Makes the changes, and returns the changes that undo them."""
        undo = self._inverse(changes)
        for station_id in {*changes.removed_stations, *(station.station_id for station in changes.stations)}:
            self._unlink_station(station_id)
        outdated = {id(reservation): reservation for reservation in undo.reservations}
        for point_key in changes.removed_points:
            self._unlink_point(point_key)
            self._unlink_queue(point_key, outdated)
        for reservation in outdated.values():
            self._unlink_reservation(reservation)
        self.tables.apply(changes)
        for station in changes.stations:
            self._link_station(station)
        for point in changes.points:
            self._link_point(point)
        for reservation in changes.reservations:
            self._link_reservation(reservation)
        self._forget_finishes()
        return undo

    def _inverse(self, changes: Changes) -> Changes:
        stations, removed_stations = _before(
            self.tables.stations,
            changes.removed_stations,
            (station.station_id for station in changes.stations),
        )
        points, removed_points = _before(
            self.tables.points, changes.removed_points, (point.key for point in changes.points)
        )
        reservations, removed_reservations = _before(
            self.tables.reservations,
            changes.removed_reservations,
            (reservation.key for reservation in changes.reservations),
        )
        return Changes(
            removed_stations=removed_stations,
            removed_points=removed_points,
            removed_reservations=removed_reservations,
            stations=stations,
            points=points,
            reservations=reservations,
            last_station_id=None if changes.last_station_id is None else self.tables.last_station_id,
        )

    def _link_station(self, station: Station) -> None:
        self._locations.setdefault(station.location, []).append(station.station_id)
        self._owned.setdefault(station.owner, set()).add(station.station_id)
        if self._station_points.get(station.station_id):
            self._nearest.put(station.station_id, station.x, station.y)

    def _unlink_station(self, station_id: int) -> None:
        station = self.tables.stations.get(station_id)
        if station is None:
            return
        numbers = self._locations[station.location]
        numbers.remove(station_id)
        if not numbers:
            del self._locations[station.location]
        owned = self._owned[station.owner]
        owned.remove(station_id)
        if not owned:
            del self._owned[station.owner]
        self._nearest.discard(station_id)

    def _link_point(self, point: Point) -> None:
        numbers = self._station_points.setdefault(point.station_id, [])
        if point.point_id in numbers:
            return
        numbers.append(point.point_id)
        station = self.tables.stations.get(point.station_id)
        if station is not None and point.station_id not in self._nearest:
            self._nearest.put(station.station_id, station.x, station.y)

    def _unlink_point(self, key: PointKey) -> None:
        station_id, point_id = key
        numbers = self._station_points.get(station_id, [])
        if point_id in numbers:
            numbers.remove(point_id)
        if not numbers:
            self._station_points.pop(station_id, None)
            self._nearest.discard(station_id)

    def _link_reservation(self, reservation: Reservation) -> None:
        self._enqueue(reservation)
        heappush(self._finishes, (reservation.finish, reservation.key))

    def _enqueue(self, reservation: Reservation) -> None:
        self._queues.setdefault(reservation.point_key, Queue()).add(reservation)
        other = self._vehicles.get(reservation.vehicle)
        if other is None or other.finish < reservation.finish:  # old files may also have one that is over
            self._vehicles[reservation.vehicle] = reservation

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
        vehicle = reservation.vehicle
        other = self._vehicles.pop(vehicle, reservation)
        if other is not reservation:  # old files may have two of a vehicle
            self._vehicles[vehicle] = other

    def _forget_finishes(self) -> None:
        """Drops finishes of reservations that are gone: those at the top, or all if they are the majority."""
        if len(self._finishes) > 2 * len(self.tables.reservations) + 100:
            self._finishes = [
                (reservation.finish, reservation.key) for reservation in self.tables.reservations.values()
            ]
            heapify(self._finishes)
        while self._finishes and self._finishes[0][1] not in self.tables.reservations:
            heappop(self._finishes)


def _before(
    table: dict[Key, Record], removed: Iterable[Key], put: Iterable[Key]
) -> tuple[tuple[Record, ...], tuple[Key, ...]]:
    """Returns the present records of the keys that will change, and the keys that have none."""
    keys = dict.fromkeys(chain(removed, put))
    records = tuple(filter(None, map(table.get, keys)))
    if len(records) == len(keys):
        return records, ()
    return records, tuple(filterfalse(table.__contains__, keys))
