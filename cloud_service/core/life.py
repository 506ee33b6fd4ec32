"""The life of a reservation: every way from one state to another (contract, section 5).

Handlers and the passing of time look up here what becomes of a reservation, and nowhere else. One that is
neither reserved nor active afterwards leaves the queues and enters the history.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from cloud_service.core.changes import Event, EventType, Reason
from cloud_service.core.records import Reservation, State

Happening: TypeAlias = Literal[
    "booked",
    "sessionBegan",
    "sessionBeganOnOtherPoint",
    "sessionFinished",
    "noSessionBegan",
    "finishPassed",
    "vehicleCancelled",
    "chargerCancelled",
    "pointDeleted",
    "stationDeleted",
    "stationMoved",
    "overrun",
    "pointFailed",
    "timeFreed",
    "chargedOffline",
]
"""What can happen to a reservation."""

Guard: TypeAlias = Literal["always", "slotFound", "noSlotFound"]

SCHEDULED: Final[frozenset[State]] = frozenset({"reserved", "active"})


Case: TypeAlias = tuple[State, Happening, Guard]
"""The state of a reservation, what happens to it, and what else has to hold."""


class Transition(Struct, frozen=True):
    """What follows: the next state, and who is told what."""

    state: State
    event: EventType | None = None
    reason: Reason | None = None


# fmt: off
TRANSITIONS: Final[Mapping[Case, Transition]] = {
    ("reserved", "booked", "always"):
        Transition("reserved", "reservationScheduled", "requested"),
    ("reserved", "sessionBegan", "always"):
        Transition("active"),
    ("reserved", "sessionBeganOnOtherPoint", "always"):
        Transition("active", "reservationChanged", "pointChanged"),
    ("active", "sessionFinished", "always"):
        Transition("completed", "reservationFinished", "chargingFinished"),
    ("reserved", "noSessionBegan", "always"):
        Transition("noShow", "reservationNoShow", "noShow"),
    ("reserved", "finishPassed", "always"):
        Transition("completed", "reservationFinished", "timePassed"),
    ("active", "finishPassed", "always"):
        Transition("completed", "reservationFinished", "timePassed"),
    ("reserved", "vehicleCancelled", "always"):
        Transition("cancelled", "reservationCancelled", "vehicleCancelled"),
    ("active", "vehicleCancelled", "always"):
        Transition("completed", "reservationFinished", "vehicleLeft"),
    ("reserved", "chargerCancelled", "always"):
        Transition("cancelled", "reservationCancelled", "chargerCancelled"),
    ("active", "chargerCancelled", "always"):
        Transition("cancelled", "reservationCancelled", "chargerCancelled"),
    ("reserved", "pointDeleted", "always"):
        Transition("cancelled", "reservationCancelled", "pointDeleted"),
    ("active", "pointDeleted", "always"):
        Transition("cancelled", "reservationCancelled", "pointDeleted"),
    ("reserved", "stationDeleted", "always"):
        Transition("cancelled", "reservationCancelled", "stationDeleted"),
    ("active", "stationDeleted", "always"):
        Transition("cancelled", "reservationCancelled", "stationDeleted"),
    ("reserved", "stationMoved", "always"):
        Transition("reserved", "reservationChanged", "stationMoved"),
    ("active", "stationMoved", "always"):
        Transition("active", "reservationChanged", "stationMoved"),
    ("reserved", "overrun", "slotFound"):
        Transition("reserved", "reservationChanged", "overrun"),
    ("reserved", "overrun", "noSlotFound"):
        Transition("cancelled", "reservationCancelled", "overrun"),
    ("reserved", "pointFailed", "slotFound"):
        Transition("reserved", "reservationChanged", "pointFailed"),
    ("reserved", "pointFailed", "noSlotFound"):
        Transition("cancelled", "reservationCancelled", "pointFailed"),
    ("reserved", "timeFreed", "slotFound"):
        Transition("reserved", "reservationChanged", "movedUp"),
    ("reserved", "chargedOffline", "always"):
        Transition("completed", "reservationFinished", "chargedOffline"),
}
# fmt: on


def follow(
    reservation: Reservation,
    happening: Happening,
    at: datetime,
    owner: str,
    *,
    guard: Guard = "always",
    moved: Reservation | None = None,
) -> tuple[Reservation, tuple[Event, ...]]:
    """Returns the reservation as it is afterwards, and the events that tell of it.

    `owner` is the station's. `moved` is the reservation at its new point or time, if it has one. Raises
    LookupError if this cannot happen in the reservation's state.
    """
    transition = TRANSITIONS[reservation.state, happening, guard]
    after = moved or reservation
    if after.state != transition.state:
        after = replace(after, state=transition.state)
    if transition.event is None or transition.reason is None:
        return after, ()
    event = Event(transition.event, at, transition.reason, after, owner)
    return after, (event if moved is None else replace(event, before=reservation),)
