"""What a simulated charger or vehicle reports, and to whom. It reports facts; words are the observer's."""

from enum import Enum, auto
from typing import Protocol, TypeAlias

from msgspec import Struct

from recharge.errors import Conflict, OutcomeUnknown, RequestError
from recharge.records import Event, Offer, Point, Reservation, Station
from recharge.simulator.car import Car


class Booked(Struct, frozen=True):
    """The vehicle has a reservation at a station `kilometres` away. None stands for what is not known."""

    reservation: Reservation
    kilometres: float | None
    station: Station | None = None


class AlreadyReserved(Struct, frozen=True):
    """The vehicle has a reservation from an earlier run, and books no other."""


class NothingBooked(Struct, frozen=True):
    """The driver does not want to book."""


class ReservationCancelled(Struct, frozen=True):
    """The driver cancelled the reservation."""


class Offered(Struct, frozen=True):
    """What the vehicle could book, the best first."""

    offers: list[Offer]


class ReservationLost(Struct, frozen=True):
    """The vehicle's reservation has ended without it: this event tells why; it books again."""

    event: Event


class ReservationMoved(Struct, frozen=True):
    """The vehicle's reservation has moved, to a station `kilometres` away; it drives there."""

    event: Event
    kilometres: float | None
    station: Station | None = None


class StationMoved(Struct, frozen=True):
    """The vehicle's station has a new location; it drives there instead."""


class ChargingStarted(Struct, frozen=True):
    """The vehicle charges."""

    reservation: Reservation


class ChargingFinished(Struct, frozen=True):
    """The vehicle has charged `energy` kWh up to `battery` percent for `price`, and has left the point.

    It is less than what was reserved if the vehicle came late, or its battery was full.
    """

    reservation: Reservation
    battery: float
    energy: float
    price: float


class NeverComes(Struct, frozen=True):
    """The vehicle has booked, and will not come."""


class StaysLonger(Struct, frozen=True):
    """The vehicle will stay this many minutes longer than it has reserved."""

    minutes: float


class EventReceived(Struct, frozen=True):
    """The charger received an event."""

    event: Event


class VehicleLeft(Struct, frozen=True):
    """A vehicle left the charger's point when its reservation ended, or before."""

    reservation: Reservation


class PointOccupied(Struct, frozen=True):
    """A vehicle is at the charger's point, and charges."""

    point_id: int
    vehicle_id: int | str


class PointFreed(Struct, frozen=True):
    """Nothing charges at the charger's point any more."""

    point_id: int


class PointFailed(Struct, frozen=True):
    """The charger's point is out of order."""

    point: Point


class PointRepaired(Struct, frozen=True):
    """The charger's point is in order again."""

    point: Point


class ChargingRefused(Struct, frozen=True):
    """A vehicle has come to the charger's point, and the network does not let it charge."""

    vehicle_id: int | str
    point_id: int
    error: Conflict


class PointRemoved(Struct, frozen=True):
    """The network no longer has one of the charger's points."""

    point_id: int


class RequestFailed(Struct, frozen=True):
    """A request of the charger failed; it tries again later."""

    error: RequestError | OutcomeUnknown


class ConnectionLost(Struct, frozen=True):
    """The connection to the broker is lost; it is being restored."""


class ConnectionRestored(Struct, frozen=True):
    """The connection to the broker is back."""


Report: TypeAlias = (
    Booked
    | AlreadyReserved
    | NothingBooked
    | ReservationCancelled
    | Offered
    | ReservationLost
    | ReservationMoved
    | StationMoved
    | ChargingStarted
    | ChargingFinished
    | NeverComes
    | StaysLonger
    | EventReceived
    | VehicleLeft
    | PointOccupied
    | PointFreed
    | PointFailed
    | PointRepaired
    | ChargingRefused
    | PointRemoved
    | RequestFailed
    | ConnectionLost
    | ConnectionRestored
)


class Activity(Enum):
    """What a vehicle is doing."""

    DRIVING_ABOUT = auto()
    DRIVING_TO_STATION = auto()
    WAITING = auto()
    CHARGING = auto()


class Progress(Struct, frozen=True):
    """The state of a vehicle. What is left of the activity is in simulated minutes, or in kilometres."""

    car: Car
    activity: Activity
    kilometres_left: float | None = None
    minutes_left: float | None = None


class Question(Enum):
    """What a vehicle asks its driver."""

    BOOK = auto()
    DRIVE_THERE = auto()
    CANCEL = auto()


class DriverQuits(Exception):
    """The driver ends the vehicle instead of answering."""


class Observer(Protocol):
    """Follows one simulated vehicle, and answers for its driver."""

    def report(self, report: Report) -> None:
        """Called when something happens."""

    def progress(self, progress: Progress) -> None:
        """Called several times a second."""

    async def agrees(self, question: Question, car: Car) -> bool:
        """Returns the driver's answer. Raises DriverQuits instead if the driver gives none."""
