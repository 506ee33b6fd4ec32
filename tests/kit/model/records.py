"""What the model knows: frozen records in plain lists, so that a copy of the lists is a copy of all."""

from datetime import datetime, timedelta
from fractions import Fraction
from typing import Any, TypeAlias

from msgspec import Struct, field

Record: TypeAlias = dict[str, Any]
Vehicle: TypeAlias = tuple[bool, str]
"""Whether it is a legacy client's, and its ID as text."""
PointKey: TypeAlias = tuple[int, int]
Number: TypeAlias = int | float
"""It stays as it was written: 30 does not become 30.0."""

MARGIN = timedelta(minutes=5)


class Times(Struct, frozen=True):
    """The times of the contract, section 5, and the limits of section 1."""

    early_start: timedelta = timedelta(minutes=15)
    no_show: timedelta = timedelta(minutes=15)
    walk_in: timedelta = timedelta(hours=1)
    overrun: timedelta = timedelta(minutes=15)
    silence: timedelta = timedelta(hours=12)
    offline: timedelta = timedelta(minutes=5)
    failure_ahead: timedelta = timedelta(minutes=30)
    move_up: timedelta = timedelta(minutes=5)
    choice_stations: int = 200
    longest_charge: timedelta = timedelta(days=30)
    horizon: timedelta = timedelta(days=30)


class Station(Struct, frozen=True):
    number: int
    x: Number
    y: Number
    owner: str
    name: str | None = None
    address: str | None = None

    def public(self) -> Record:
        return {"chargingStationID": self.number, "x_position": self.x, "y_position": self.y}


class Point(Struct, frozen=True):
    station: int
    number: int
    power: Number
    price: Number
    availability: str
    connector: str | None = None
    operational: bool = True
    tells: bool = False
    """Whether a session has begun here at least once."""
    tariff: tuple[Record, ...] = ()

    @property
    def key(self) -> PointKey:
        return self.station, self.number

    def public(self) -> Record:
        return {
            "chargingPointID": self.number,
            "chargingStationID": self.station,
            "power": self.power,
            "kWhPrice": self.price,
            "availability": self.availability,
        }


class Wishes(Struct, frozen=True, rename="camel"):
    """The keys of a booking but for the vehicle."""

    x: Number
    y: Number
    percentage: Number = field(name="actualBatteryPercentage")
    capacity: Number = field(name="batteryCapacity")
    objective: str = "nearest"
    speed: Number | None = None
    range: Number | None = None
    max_distance: Number | None = None
    min_power: Number | None = None
    max_price: Number | None = None
    not_before: datetime | None = None
    station: int | None = field(name="chargingStationID", default=None)
    point: int | None = field(name="chargingPointID", default=None)
    connector: str | None = None
    flexible: bool = False

    @property
    def energy(self) -> Fraction:
        return written(self.capacity) * (100 - written(self.percentage)) / 100


class Reservation(Struct, frozen=True):
    booked: int
    """The how-manieth booking it was: what names it, wherever it moves."""
    booked_at: datetime
    wishes: Wishes
    number: int
    station: int
    point: int
    power: Number
    kwh_price: Number
    vehicle_id: int | str
    legacy: bool
    start: datetime
    finish: datetime
    duration: Number
    price: Number
    state: str = "reserved"

    @property
    def key(self) -> tuple[int, int, int]:
        return self.station, self.point, self.number

    @property
    def point_key(self) -> PointKey:
        return self.station, self.point

    @property
    def vehicle(self) -> Vehicle:
        return self.legacy, str(self.vehicle_id)

    def public(self) -> Record:
        """The ten keys."""
        return {
            "reservationID": self.number,
            "chargingStationID": self.station,
            "chargingPointID": self.point,
            "chargingPointPower": self.power,
            "kWhPrice": self.kwh_price,
            "vehicleID": self.vehicle_id,
            "startDateTime": self.start.isoformat(),
            "finishDateTime": self.finish.isoformat(),
            "duration": self.duration,
            "price": self.price,
        }

    def told(self) -> Record:
        """As clients on MQTT see it."""
        return {**self.public(), "state": self.state}


class Session(Struct, frozen=True):
    station: int
    point: int
    since: datetime
    until: datetime
    planned: datetime
    """When it should have ended, however often it was prolonged."""
    last_word: datetime
    vehicle: Vehicle | None
    booked: int | None
    """The reservation that it began, or None for a vehicle without one."""
    pushed: frozenset[Vehicle] = frozenset()
    """Those that have moved because this one stays longer."""
    energy: Number | None = None
    power: Number | None = None

    @property
    def key(self) -> PointKey:
        return self.station, self.point


class Told(Struct, frozen=True):
    """An event, and whom it concerns."""

    type: str
    at: datetime
    reason: str
    reservation: Record
    before: Record | None
    owners: tuple[str, ...]
    """Of the station, and of the one that the reservation has left."""
    vehicle: Vehicle


class Refused(Exception):
    """A refusal; the text is the error code."""


def written(number: Number) -> Fraction:
    """The decimal number as a client writes it."""
    return Fraction(repr(number))
