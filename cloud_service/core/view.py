"""The interface through which a handler sees the network."""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from cloud_service.core.queue import Queue
from cloud_service.core.records import Number, Point, PointKey, Reservation, Station, VehicleKey


class NetworkView(Protocol):
    """What a handler may ask of the network: a few records at a time, never all of them.

    A network not kept in memory needs to implement only this for handlers.
    """

    @property
    def last_station_id(self) -> int:
        """The largest station ID ever given, 0 before the first."""

    def station(self, station_id: int) -> Station | None:
        """The station with this ID."""

    def station_at(self, x: Number, y: Number) -> Station | None:
        """The station at this location; the one with the lowest ID if old files hold several."""

    def nearest_station(self, x: Number, y: Number) -> Station | None:
        """The nearest station that has a charging point; on a tie, the one with the lower ID."""

    def stations_by_distance(self, x: Number, y: Number) -> Iterator[Station]:
        """The stations that have a charging point, from the nearest on, as many as are asked for.

        Of equally near ones, the one with the lower ID comes first.
        """

    def stations_of(self, owner: str) -> list[Station]:
        """The stations of this owner, by ID."""

    def points(self, station_id: int) -> list[Point]:
        """The points of a station, by ID."""

    def point(self, key: PointKey) -> Point | None:
        """The point with this key."""

    def queue(self, key: PointKey) -> Queue:
        """The scheduled reservations of a point. A handler only reads it."""

    def reservation_of(self, vehicle: VehicleKey) -> Reservation | None:
        """The scheduled reservation of a vehicle."""

    def finished(self, now: datetime) -> Iterator[Reservation]:
        """Scheduled reservations whose finish has passed, the earliest first."""
