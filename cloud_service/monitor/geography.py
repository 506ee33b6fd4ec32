"""From the network's plane to longitude and latitude: the reverse of the import of stations."""

import math
from typing import Final

from msgspec import Struct

KM_PER_DEGREE: Final = 6371.0088 * math.pi / 180
"""As in the import: along a great circle on a sphere with the Earth's mean radius."""


class Center(Struct, frozen=True):
    """The place on the Earth, in degrees, that is (0, 0) on the plane."""

    latitude: float
    longitude: float

    def degrees(self, x: float, y: float) -> tuple[float, float]:
        """The latitude and longitude of a place on the plane, to a decimetre."""
        latitude = self.latitude + y / KM_PER_DEGREE
        eastward = x / (KM_PER_DEGREE * math.cos(math.radians(self.latitude)))
        longitude = (self.longitude + eastward + 180) % 360 - 180
        return round(max(-90.0, min(90.0, latitude)), 6), round(longitude, 6)
