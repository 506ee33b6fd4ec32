"""What a vehicle asks for when it books: what it needs, and what it wishes (contract, section 5)."""

from datetime import datetime
from typing import Final, Literal, TypeAlias

from msgspec import Struct, field

from cloud_service.core.numbers import Number

ObjectiveName: TypeAlias = Literal["nearest", "earliest", "soonest", "cheapest"]
"""By what the best of several slots is chosen. objectives.py has what each means."""


class Need(Struct, frozen=True, gc=False, array_like=True):
    """Where a vehicle is, in kilometres, and its battery: `percentage` of `capacity` (kWh) is in it."""

    x: Number
    y: Number
    percentage: Number
    capacity: Number


class Booked(Struct, frozen=True, gc=False, array_like=True):
    """When a reservation was booked. Of two at the same moment, the first has the lower number."""

    at: datetime
    number: int


class Wishes(Struct, frozen=True, gc=False, omit_defaults=True):
    """The wishes of a booking. None: no such wish."""

    objective: ObjectiveName = "nearest"
    speed: Number | None = None
    """km/h; no charge starts before the vehicle can be there."""
    range: Number | None = None
    """Kilometres that the vehicle can still drive; no station is farther."""
    max_distance: Number | None = field(name="maxDistance", default=None)
    """Kilometres."""
    min_power: Number | None = field(name="minPower", default=None)
    """kW."""
    max_price: Number | None = field(name="maxPrice", default=None)
    """Of a kWh."""
    not_before: datetime | None = field(name="notBefore", default=None)
    """In UTC."""
    station_id: int | None = field(name="chargingStationID", default=None)
    point_id: int | None = field(name="chargingPointID", default=None)
    connector: str | None = None
    flexible: bool = False
    """Whether the reservation may move to an earlier time without being asked."""


NO_WISHES: Final = Wishes()
