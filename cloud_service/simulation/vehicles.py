"""A vehicle of a simulation: where it is, and what it is about to do."""

from datetime import datetime, timedelta
from math import hypot
from typing import Literal, TypeAlias

from msgspec import Struct

from cloud_service.core.records import Reservation
from cloud_service.simulation.scenario import Trip

Doing: TypeAlias = Literal["driving", "waiting", "charging", "done"]


class _Leg(Struct, frozen=True):
    """A way in a straight line. `left` is when it was begun, `there` when it ends."""

    origin: tuple[float, float]
    goal: tuple[float, float]
    left: datetime
    there: datetime

    def covered(self, now: datetime) -> float:
        """The share of the way that is driven by now."""
        if now >= self.there:
            return 1.0
        return max(timedelta(), now - self.left) / (self.there - self.left)


class Vehicle:
    """Drives to its reservation, and to another one as soon as it knows of it."""

    def __init__(self, name: str, trip: Trip) -> None:
        self.name = name
        self.trip = trip
        self.doing: Doing = "driving"
        self.reservation: Reservation | None = None
        """None once it has ended without a charge."""
        self.bookings = 0
        self.plan = 0
        """Counts its plans: what was planned earlier does not happen any more."""
        self.kilometres = 0.0
        self.driving = timedelta()
        self._place = (trip.x, trip.y)
        self._leg: _Leg | None = None
        self._late = trip.late

    def place(self, now: datetime) -> tuple[float, float]:
        """Where it is. A way that it was on ends there."""
        if self._leg is not None:
            (x0, y0), (x1, y1) = self._leg.origin, self._leg.goal
            covered = self._leg.covered(now)
            self._place = x0 + covered * (x1 - x0), y0 + covered * (y1 - y0)
            self.kilometres += covered * hypot(x1 - x0, y1 - y0)
            self.driving += covered * (self._leg.there - self._leg.left)
            self._leg = None
        return self._place

    def drive(self, goal: tuple[float, float], speed: float, now: datetime) -> datetime:
        """Sets out, so early that it is there when its driver wants to charge. Returns when it is there."""
        origin = self.place(now)
        lasting = timedelta(hours=hypot(goal[0] - origin[0], goal[1] - origin[1]) / speed)
        left = max(now, self.trip.wanted - lasting)
        self._leg = _Leg(origin, goal, left, left + lasting)
        return self._leg.there

    def arrival(self, there: datetime, start: datetime) -> datetime:
        """When it comes to its point: not before its reservation starts, and as late as its driver is."""
        return max(there, start) + self._late

    def has_come(self) -> None:
        """It stands before its point. A driver is late once."""
        self._late = timedelta()
