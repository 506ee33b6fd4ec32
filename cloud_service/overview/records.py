"""What the overview reads from messages. Keys that it does not know are ignored."""

from datetime import datetime
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

PointState: TypeAlias = Literal["free", "reserved", "occupied", "outOfOrder"]

_STATES: dict[str, PointState] = {"livre": "free", "reservado": "reserved", "ocupado": "occupied"}


class StationMessage(Struct, frozen=True):
    """The retained state of a station."""

    x: float = field(name="x_position")
    y: float = field(name="y_position")
    name: str | None = None
    address: str | None = None
    updated: datetime | None = None


class Session(Struct, frozen=True):
    """A session: since when a vehicle has been charging at a point, and until when the point is held for it.

    `energy` (kWh) is what it has charged so far and `power` (kW) the current power, if its charger tells
    them.
    """

    since: datetime
    until: datetime
    energy: float | None = None
    power: float | None = None


class PointMessage(Struct, frozen=True):
    """The retained state of a point."""

    power: float
    price: float = field(name="kWhPrice")
    availability: Literal["livre", "reservado", "ocupado"]
    operational: bool = True
    queue_length: int = field(name="queueLength", default=0)
    free_from: datetime | None = field(name="freeFrom", default=None)
    connector: str | None = None
    session: Session | None = None
    updated: datetime | None = None

    @property
    def state(self) -> PointState:
        return _STATES[self.availability] if self.operational else "outOfOrder"


class Reservation(Struct, frozen=True):
    """The reservation of an event or a list. `vehicle` is only for those who may see names."""

    number: int = field(name="reservationID")
    station: int = field(name="chargingStationID")
    point: int = field(name="chargingPointID")
    start: datetime = field(name="startDateTime")
    finish: datetime = field(name="finishDateTime")
    vehicle: int | str | None = field(name="vehicleID", default=None)
    state: str | None = None

    def without_vehicle(self) -> "Reservation":
        return replace(self, vehicle=None)


class Event(Struct, frozen=True):
    """Something that happened to a reservation."""

    type: str
    at: datetime
    reservation: Reservation
    reason: str | None = None
    before: Reservation | None = None
    """The reservation as it was, if it has moved."""

    @property
    def key(self) -> tuple[object, ...]:
        """The same for a repetition of an event and for the copy to another client."""
        what = self.reservation
        return (self.type, self.reason, self.at, what.station, what.point, what.number)

    def without_vehicle(self) -> "Event":
        """The event for those who may not see vehicles' names."""
        before = None if self.before is None else self.before.without_vehicle()
        return replace(self, reservation=self.reservation.without_vehicle(), before=before)


class ServiceState(Struct, frozen=True):
    """One of the network's own processes."""

    name: str
    online: bool
    since: str | None
    version: str | None
    errors: int | None = None
    """How many errors it has logged in the last hour; None if it does not say."""
    clock_speed: float | None = field(name="clockSpeed", default=None)
    """How many times as fast its time passes since `clock_since`; None: as fast as here."""
    clock_since: str | None = field(name="clockSince", default=None)


class Point(Struct, frozen=True):
    """A point, as of its last message. `state` is what its charger says."""

    power: float
    price: float
    state: PointState
    queue_length: int
    free_from: datetime | None
    connector: str | None
    session: Session | None
    updated: datetime | None

    @property
    def power_in_use(self) -> float:
        """The power of the session as the charger tells it; otherwise the power of the point."""
        told = None if self.session is None else self.session.power
        return self.power if told is None else told


read_station = msgspec.json.Decoder(StationMessage).decode
read_point = msgspec.json.Decoder(PointMessage).decode
read_event = msgspec.json.Decoder(Event).decode


def to_point(message: PointMessage) -> Point:
    return Point(
        message.power,
        message.price,
        message.state,
        message.queue_length,
        message.free_from,
        message.connector,
        message.session,
        message.updated,
    )


Row: TypeAlias = list[Any]
"""A station in the monitor's protocol: [ID, x, y, name, offline, points, address], where a point is [ID,
power, price, state, connector]. Unknown values at the end are left out.
"""
