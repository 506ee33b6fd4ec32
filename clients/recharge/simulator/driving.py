"""A car that drives about, reckoned purely: the same seed gives the same journey."""

import math
from random import Random
from typing import Final

import msgspec
from msgspec import Struct

SPEED: Final = 60.0
"""Kilometres an hour."""
CONSUMPTION: Final = 0.18
"""kWh a kilometre."""
RANGE: Final = 12.0
"""Kilometres around its home within which a car drives about."""


class Car(Struct, frozen=True):
    """A car on its way. Places are in kilometres, the battery in percent of `capacity`, which is in kWh."""

    x: float
    y: float
    battery: float
    capacity: float = 40.0
    heading: float = 0.0
    """Where it drives, in radians from east."""
    home: tuple[float, float] = (0.0, 0.0)

    @property
    def needs(self) -> float:
        """The energy that a full battery lacks, in kWh."""
        return self.capacity * (100 - self.battery) / 100


def drive(car: Car, hours: float, random: Random) -> Car:
    """The car after driving about for so long, turning as it likes, and homewards where it is far out."""
    heading = car.heading + random.gauss(0, 0.4)
    if distance(car, *car.home) > RANGE:
        heading = math.atan2(car.home[1] - car.y, car.home[0] - car.x) + random.gauss(0, 0.4)
    way = SPEED * hours
    return _moved(car, car.x + way * math.cos(heading), car.y + way * math.sin(heading), way, heading)


def drive_to(car: Car, x: float, y: float, hours: float) -> Car:
    """The car after driving straight to a place for so long; it stops there."""
    left = distance(car, x, y)
    way = SPEED * hours
    if way >= left:
        return _moved(car, x, y, left, car.heading)
    heading = math.atan2(y - car.y, x - car.x)
    return _moved(car, car.x + way * math.cos(heading), car.y + way * math.sin(heading), way, heading)


def charge(car: Car, energy: float) -> Car:
    """The car with so many kWh more, as far as they fit in."""
    return msgspec.structs.replace(car, battery=min(100.0, car.battery + 100 * energy / car.capacity))


def distance(car: Car, x: float, y: float) -> float:
    """In kilometres."""
    return math.hypot(x - car.x, y - car.y)


def _moved(car: Car, x: float, y: float, way: float, heading: float) -> Car:
    drained = 100 * way * CONSUMPTION / car.capacity
    return msgspec.structs.replace(car, x=x, y=y, heading=heading, battery=max(0.0, car.battery - drained))
