"""The model's stations, points, reservations and sessions, and plain questions about them."""

from datetime import datetime
from fractions import Fraction

from msgspec import Struct, field
from msgspec.structs import replace

from tests.kit.model.records import (
    Point,
    PointKey,
    Reservation,
    Session,
    Station,
    Times,
    Vehicle,
    Wishes,
    written,
)


class Network(Struct):
    times: Times = Times()
    stations: dict[int, Station] = field(default_factory=dict)
    points: dict[PointKey, Point] = field(default_factory=dict)
    reservations: dict[int, Reservation] = field(default_factory=dict)
    """The scheduled ones, by what names them, in the order of their booking."""
    sessions: dict[PointKey, Session] = field(default_factory=dict)
    offline_since: dict[str, datetime] = field(default_factory=dict)
    """The owners that have a presence topic and are offline."""
    largest: dict[tuple[int, ...], int] = field(default_factory=dict)
    bookings: int = 0

    def copy(self) -> "Network":
        return Network(
            self.times,
            dict(self.stations),
            dict(self.points),
            dict(self.reservations),
            dict(self.sessions),
            dict(self.offline_since),
            dict(self.largest),
            self.bookings,
        )

    def new_id(self, *scope: int) -> int:
        self.largest[scope] = self.largest.get(scope, 0) + 1
        return self.largest[scope]

    def station_numbers_at(self, x: float, y: float) -> list[int]:
        return [each.number for each in self.stations.values() if (each.x, each.y) == (x, y)]

    def points_of(self, station: int) -> list[Point]:
        return [self.points[key] for key in sorted(self.points) if key[0] == station]

    def scheduled(self, station: int, point: int | None = None) -> list[Reservation]:
        """By point, and then by start."""
        found = [
            each
            for each in self.reservations.values()
            if each.station == station and point in (None, each.point)
        ]
        return sorted(found, key=lambda each: (each.point, each.start))

    def reserved(self, key: PointKey) -> list[Reservation]:
        """Those of a point that wait, the earliest first."""
        return [each for each in self.scheduled(*key) if each.state == "reserved"]

    def of_vehicle(self, vehicle: Vehicle) -> Reservation | None:
        return next((each for each in self.reservations.values() if each.vehicle == vehicle), None)

    def in_order(self, point: Point, now: datetime) -> bool:
        since = self.offline_since.get(self.stations[point.station].owner)
        absent = bool(self.times.offline) and since is not None and since + self.times.offline <= now
        return point.operational and not absent

    def set_availability(self, key: PointKey, availability: str) -> None:
        self.points[key] = replace(self.points[key], availability=availability)

    def release(self, key: PointKey) -> bool:
        """A point without a reservation is reserved no longer. Returns whether it was."""
        released = self.points[key].availability == "reservado" and not self.scheduled(*key)
        if released:
            self.set_availability(key, "livre")
        return released

    def square(self, wishes: Wishes, station: Station) -> Fraction:
        """The square of the distance, exactly."""
        dx, dy = written(wishes.x) - written(station.x), written(wishes.y) - written(station.y)
        return dx * dx + dy * dy
