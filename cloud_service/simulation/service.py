"""What the people of a simulation need of a service: the one in memory has it, and so may a running one."""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from cloud_service.core.changes import Event
from cloud_service.core.records import PointKey, Reservation
from cloud_service.simulation.scenario import Trip


class Service(Protocol):
    """A service that goes by a policy, and its time.

    Its stations have IDs from 1, in the order of a scenario's places, and so have the points of each.
    """

    @property
    def takes_wishes(self) -> bool:
        """Whether vehicles can book ahead."""

    def advance(self, until: datetime) -> datetime:
        """Lets time pass, to this moment or until there is something to hear. Returns what time it is then.

        If that is before `until`, nobody has done anything yet that was planned for then.
        """

    def place(self, station_id: int) -> tuple[float, float] | None:
        """Where a station is."""

    def book(
        self, vehicle: str, place: tuple[float, float], trip: Trip, speed: float, now: datetime
    ) -> Reservation | None:
        """Books by the policy. None if nothing fits."""

    def cancel(self, vehicle: str, now: datetime) -> None:
        """Cancels the reservation of a vehicle, if it has one."""

    def begin(self, vehicle: str, key: PointKey, now: datetime) -> bool:
        """A charger tells that a vehicle is there. Returns whether it may charge."""

    def finish(self, vehicle: str, key: PointKey, energy: float, now: datetime) -> None:
        """A charger tells that a vehicle has gone."""

    def tell_operational(self, key: PointKey, operational: bool, now: datetime) -> None:
        """A charger tells that its point has failed, or works again."""

    def take_events(self) -> Iterator[Event]:
        """The events since the last call, oldest first; also those that come up meanwhile."""
