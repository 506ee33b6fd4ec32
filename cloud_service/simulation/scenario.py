"""What happens whatever the policy is: the stations, what people want and do, and what breaks."""

from datetime import datetime, timedelta, tzinfo

from msgspec import Struct

from cloud_service.core.numbers import Number
from cloud_service.core.tables import Tables
from cloud_service.core.tariffs import Tariff


class Port(Struct, frozen=True):
    """A point: its power in kW, and its price of a kWh, or by the hour with a tariff."""

    power: Number
    price: Number
    tariff: Tariff = ()


class Place(Struct, frozen=True):
    """A station: where it is in kilometres, and its points."""

    x: Number
    y: Number
    points: tuple[Port, ...]


def places_of(tables: Tables) -> tuple[Place, ...]:
    """The stations of a network that have points, by ID. Its reservations do not count."""
    ports: dict[int, list[Port]] = {}
    for key in sorted(tables.points):
        point = tables.points[key]
        ports.setdefault(point.station_id, []).append(Port(point.power, point.kwh_price, point.tariff))
    stations = (tables.stations[number] for number in sorted(ports) if number in tables.stations)
    return tuple(Place(each.x, each.y, tuple(ports[each.station_id])) for each in stations)


class Trip(Struct, frozen=True):
    """A vehicle that wants to charge. `at` is when it books, `wanted` from when on; `energy` is in kWh.

    It comes `late` after it could and should be there, or not at all. It stays `overstay` longer than its
    charge takes; if that is below zero, it leaves before the end of it.
    """

    at: datetime
    wanted: datetime
    x: float
    y: float
    energy: float
    comes: bool = True
    late: timedelta = timedelta()
    overstay: timedelta = timedelta()


class Breakdown(Struct, frozen=True):
    """A point breaks. `station` and `point` are its IDs, which count from 1 in the order of the places."""

    station: int
    point: int
    at: datetime
    repaired: datetime


class Scenario(Struct, frozen=True):
    """All of it. What is charged after `end` does not count for utilisation."""

    places: tuple[Place, ...]
    start: datetime
    end: datetime
    trips: tuple[Trip, ...]
    breakdowns: tuple[Breakdown, ...] = ()


class Conditions(Struct, frozen=True):
    """What holds for all vehicles. `speed` is in km/h.

    A vehicle waits for `patience` at most before a point that was promised to it. Its driver goes elsewhere
    if the charge starts later than `horizon` after it was wanted.
    """

    speed: float = 40.0
    patience: timedelta = timedelta(minutes=30)
    horizon: timedelta = timedelta(hours=24)
    zone: tzinfo | None = None
    """That of tariffs."""
