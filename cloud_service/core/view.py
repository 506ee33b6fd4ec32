"""The interface through which a handler sees the network."""

from collections.abc import Iterator
from datetime import datetime
from typing import Protocol

from cloud_service.core.due import PointCondition
from cloud_service.core.numbers import Number
from cloud_service.core.queue import Queue
from cloud_service.core.records import Point, PointKey, Reservation, Station, VehicleKey
from cloud_service.core.sessions import Absence, Session
from cloud_service.core.wishes import Booked


class NetworkUnreadable(Exception):
    """What was asked of the network could not be read. No handler can decide anything then."""


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

    @property
    def stations_with_points(self) -> int:
        """How many stations have a charging point."""

    def stations_by_distance(self, x: Number, y: Number) -> Iterator[Station]:
        """The stations that have a charging point, from the nearest on, as many as are asked for.

        Of equally near ones, the one with the lower ID comes first.
        """

    def stations_of(self, owner: str) -> list[Station]:
        """The stations of this owner, by ID."""

    def owns_stations(self, owner: str) -> bool:
        """Whether this account has a station."""

    def points(self, station_id: int) -> list[Point]:
        """The points of a station, by ID."""

    def point(self, key: PointKey) -> Point | None:
        """The point with this key."""

    def queue(self, key: PointKey) -> Queue:
        """The scheduled reservations of a point. A handler only reads it."""

    def reservation_of(self, vehicle: VehicleKey) -> Reservation | None:
        """The scheduled reservation of a vehicle."""

    def next_booking(self, now: datetime) -> Booked:
        """What tells a booking that is made now from those before it."""

    def session(self, key: PointKey) -> Session | None:
        """The session that is under way at a point."""

    def session_of(self, vehicle: VehicleKey) -> Session | None:
        """The session of a vehicle that its charger has named."""

    def absence(self, owner: str) -> Absence | None:
        """Since when the chargers of this account have been offline; None if they are not."""

    def condition(self, point: Point, absence: Absence | None) -> PointCondition:
        """Everything on which it depends what is due at a point. `absence` is that of its owner."""

    def conditions(self, station: Station) -> list[PointCondition]:
        """The points of a station by ID, each with everything on which it depends what is due there."""

    @property
    def has_flexible(self) -> bool:
        """Whether any flexible reservation has not begun."""

    def flexible_near(self, x: Number, y: Number, most: int) -> list[Reservation]:
        """The flexible reservations that have not begun, those of the nearest vehicles if there are more.

        They come in the order of their bookings.
        """

    def first_due(self, now: datetime) -> PointKey | None:
        """The point at which something was due first, if anything is due by now."""
