"""What the commands share that read a CSV export of stations: the powers of ports, and places in degrees."""

import math
from typing import Annotated

from msgspec import Struct

from cloud_service.cli.client_options import finite, not_negative, positive
from cloud_service.config.command_line import Argument
from cloud_service.config.values import UnusableValue
from recharge.records import Number


class PortOptions(Struct, frozen=True, kw_only=True):
    """What an export does not say of a port."""

    price: Annotated[
        Number,
        Argument("--price", metavar="AMOUNT", type=not_negative, help="price per kWh (default: %(default)g)"),
    ] = 0.4
    level1: Annotated[
        Number,
        Argument(
            "--level1", metavar="KW", type=positive, help="power of a level 1 port (default: %(default)g)"
        ),
    ] = 1.9
    level2: Annotated[
        Number,
        Argument(
            "--level2", metavar="KW", type=positive, help="power of a level 2 port (default: %(default)g)"
        ),
    ] = 7.2
    fast: Annotated[
        Number,
        Argument("--fast", metavar="KW", type=positive, help="power of a fast port (default: %(default)g)"),
    ] = 50

    @property
    def powers(self) -> tuple[Number, Number, Number]:
        """In kW, of level 1, level 2 and fast ports."""
        return self.level1, self.level2, self.fast


def read_place_in_degrees(text: str) -> tuple[float, float]:
    """Reads a latitude and a longitude."""
    latitude, comma, longitude = text.partition(",")
    place = finite(latitude), finite(longitude) if comma else math.inf
    if not (abs(place[0]) < 90 and abs(place[1]) <= 180):
        raise UnusableValue(
            "{text!r} is not a latitude and longitude in degrees, such as 47.6,-122.3", text=text
        )
    return place
