"""A car's location and battery, as pure functions: the same seed gives the same drive."""

import math
from random import Random
from typing import Final

import msgspec
from msgspec import Struct

SPEED_KM_PER_HOUR: Final = 60.0
CONSUMPTION_KWH_PER_KM: Final = 0.18
HOME_RADIUS_KM: Final = 12.0
"""Beyond this distance from its home a car turns back."""

_TURN_RADIANS: Final = 0.4
"""Standard deviation of the turn in each step."""


class Car(Struct, frozen=True):
    """A car. Locations are in kilometres, `battery` in percent of `capacity`, which is in kWh."""

    x: float
    y: float
    battery: float
    capacity: float = 40.0
    heading: float = 0.0
    """Radians counter-clockwise from east."""
    home: tuple[float, float] = (0.0, 0.0)

    @property
    def missing_energy(self) -> float:
        """The energy that would fill the battery, in kWh."""
        return self.capacity * (100 - self.battery) / 100


def drive(car: Car, hours: float, random: Random) -> Car:
    """Drives about for some time with random turns, and turns home when too far from it."""
    heading = car.heading + random.gauss(0, _TURN_RADIANS)
    if distance(car, *car.home) > HOME_RADIUS_KM:
        heading = math.atan2(car.home[1] - car.y, car.home[0] - car.x) + random.gauss(0, _TURN_RADIANS)
    return _advanced(car, heading, SPEED_KM_PER_HOUR * hours)


def drive_to(car: Car, x: float, y: float, hours: float) -> Car:
    """Drives straight towards a location for some time, and stops there."""
    left = distance(car, x, y)
    kilometres = SPEED_KM_PER_HOUR * hours
    if kilometres >= left:
        return _moved(car, x, y, left, car.heading)
    return _advanced(car, math.atan2(y - car.y, x - car.x), kilometres)


def charge(car: Car, energy: float) -> Car:
    """Adds energy, in kWh, up to a full battery."""
    return msgspec.structs.replace(car, battery=min(100.0, car.battery + 100 * energy / car.capacity))


def distance(car: Car, x: float, y: float) -> float:
    """Returns the distance to a location in kilometres."""
    return math.hypot(x - car.x, y - car.y)


def _advanced(car: Car, heading: float, kilometres: float) -> Car:
    x, y = car.x + kilometres * math.cos(heading), car.y + kilometres * math.sin(heading)
    return _moved(car, x, y, kilometres, heading)


def _moved(car: Car, x: float, y: float, kilometres: float, heading: float) -> Car:
    used = 100 * kilometres * CONSUMPTION_KWH_PER_KM / car.capacity
    return msgspec.structs.replace(car, x=x, y=y, heading=heading, battery=max(0.0, car.battery - used))
