"""What a decision changes: records as they are afterwards, keys that are removed, and events."""

from datetime import datetime
from typing import Literal, TypeAlias

from msgspec import Struct, field

from cloud_service.core.numbers import Number
from cloud_service.core.records import Point, PointKey, Reservation, ReservationKey, Station
from cloud_service.core.sessions import Absence, Session

EventType: TypeAlias = Literal[
    "reservationScheduled",
    "reservationChanged",
    "reservationCancelled",
    "reservationFinished",
    "reservationNoShow",
]

ENDING: frozenset[EventType] = frozenset({"reservationCancelled", "reservationFinished", "reservationNoShow"})
"""Events with which a reservation leaves the queues and enters the history."""

Reason: TypeAlias = Literal[
    "requested",
    "stationMoved",
    "vehicleCancelled",
    "chargerCancelled",
    "pointDeleted",
    "stationDeleted",
    "timePassed",
    "chargingFinished",
    "vehicleLeft",
    "noShow",
    "overrun",
    "pointFailed",
    "pointChanged",
    "movedUp",
    "chargedOffline",
]


class Event(Struct, frozen=True, gc=False, omit_defaults=True):
    """Something that happened to a reservation. It concerns the vehicle and the station's owner.

    `before` is the reservation as it was before it moved; `owner_before` then owned its station, if that is
    another one. `energy` is what was charged, in kWh, where the charger has told.
    """

    type: EventType
    at: datetime
    reason: Reason
    reservation: Reservation
    owner: str
    before: Reservation | None = None
    owner_before: str | None = None
    energy: Number | None = None


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
    removed_sessions: tuple[PointKey, ...] = field(name="removedSessions", default=())
    removed_absences: tuple[str, ...] = field(name="removedAbsences", default=())
    sessions: tuple[Session, ...] = ()
    absences: tuple[Absence, ...] = ()
    events: tuple[Event, ...] = ()

    def __bool__(self) -> bool:
        return self != NOTHING


NOTHING = Changes()
"""The effects of a decision that changes nothing."""
