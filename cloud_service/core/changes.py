"""What a decision does to the network: records as they are afterwards, keys that go, events to tell."""

from datetime import datetime
from typing import Literal, TypeAlias

from msgspec import Struct, field

from cloud_service.core.records import Point, PointKey, Reservation, ReservationKey, Station

EventType: TypeAlias = Literal[
    "reservationScheduled", "reservationChanged", "reservationCancelled", "reservationFinished"
]

ENDING: frozenset[EventType] = frozenset({"reservationCancelled", "reservationFinished"})
"""With these a reservation leaves the queues and goes into the history."""

Reason: TypeAlias = Literal[
    "requested", "stationMoved", "vehicleCancelled", "pointDeleted", "stationDeleted", "timePassed"
]


class Event(Struct, frozen=True, gc=False):
    """Something that concerns clients: the vehicle's account, and the owner of the station."""

    type: EventType
    at: datetime
    reason: Reason
    reservation: Reservation
    owner: str


class Changes(Struct, frozen=True, omit_defaults=True):
    """The outcome of one decision. Applied twice in the order of decision, it gives the same network.

    Removals come before records: a key in both exists afterwards.
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
"""The outcome of a decision that changes nothing."""
