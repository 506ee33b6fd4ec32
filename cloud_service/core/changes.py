"""What a decision changes: records as they are afterwards, keys that are removed, and events."""

from datetime import datetime
from typing import Literal, TypeAlias

from msgspec import Struct, field

from cloud_service.core.records import Point, PointKey, Reservation, ReservationKey, Station

EventType: TypeAlias = Literal[
    "reservationScheduled", "reservationChanged", "reservationCancelled", "reservationFinished"
]

ENDING: frozenset[EventType] = frozenset({"reservationCancelled", "reservationFinished"})
"""Events with which a reservation leaves the queues and enters the history."""

Reason: TypeAlias = Literal[
    "requested", "stationMoved", "vehicleCancelled", "pointDeleted", "stationDeleted", "timePassed"
]


class Event(Struct, frozen=True, gc=False):
    """Something that happened to a reservation. It concerns the vehicle and the station's owner."""

    type: EventType
    at: datetime
    reason: Reason
    reservation: Reservation
    owner: str


class Changes(Struct, frozen=True, omit_defaults=True):
    """The effects of one decision. Applying them a second time changes nothing.

    Removals come first: a key that is removed and has a record exists afterwards.
    """

    removed_stations: tuple[int, ...] = field(name="removedStations", default=())
    removed_points: tuple[PointKey, ...] = field(name="removedPoints", default=())
    removed_reservations: tuple[ReservationKey, ...] = field(name="removedReservations", default=())
    stations: tuple[Station, ...] = ()
    points: tuple[Point, ...] = ()
    reservations: tuple[Reservation, ...] = ()
    last_station_id: int | None = field(name="lastStationID", default=None)
    events: tuple[Event, ...] = ()

    def __bool__(self) -> bool:
        return self != NOTHING


NOTHING = Changes()
"""The effects of a decision that changes nothing."""
