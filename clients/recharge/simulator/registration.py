"""From what a charger remembers and what its owner wants to a station that is registered, once."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from cloud_service.protocol.errors import Forbidden, NotFound
from recharge.charger import Charger
from recharge.records import Number, Point
from recharge.simulator.saved_station import SavedStation

POINTS: Final = 2
POWER: Final = 22
"""In kW."""
KWH_PRICE: Final = 0.9


class WantedStation(Struct, frozen=True):
    """What the owner wants. None leaves what there is, and takes a default where there is nothing."""

    x: Number
    y: Number
    points: int | None = None
    power: Number | None = None
    """In kW."""
    kwh_price: Number | None = None


async def register(
    charger: Charger,
    remembered: SavedStation | None,
    wish: WantedStation,
    remember: Callable[[SavedStation], None],
) -> SavedStation:
    """The station and its points as they are registered now; `remember` keeps each step on the way.

    A remembered station that the network does not know, or knows as somebody else's, is registered anew.
    Points beyond the wanted number stay: they may be booked. Raises what Charger's methods raise.
    """
    old = remembered or SavedStation(wish.x, wish.y)
    there = await _points_there(charger, old.station_id)
    if old.station_id is None or there is None:
        # The location is kept first: to register it again after a crash gives the same station.
        remember(SavedStation(wish.x, wish.y, points=old.points))
        station = await charger.register_station(wish.x, wish.y)
        there = await charger.points(station.station_id)
    else:
        station = await charger.move_station(old.station_id, wish.x, wish.y)
    points = await _complete(charger, station.station_id, there, old.points, wish)
    known = SavedStation(wish.x, wish.y, station.station_id, tuple(points))
    remember(known)
    return known


async def _points_there(charger: Charger, station_id: int | None) -> list[Point] | None:
    """None where there is no such station of ours."""
    if station_id is None:
        return None
    try:
        return await charger.points(station_id)
    except (NotFound, Forbidden):
        return None


async def _complete(
    charger: Charger,
    station_id: int,
    there: Sequence[Point],
    remembered: Sequence[Point],
    wish: WantedStation,
) -> list[Point]:
    """The points there, as the owner wants them, and new ones up to the wanted number."""
    points = []
    for point in there:
        wanted = msgspec.structs.replace(
            point, power=wish.power or point.power, kwh_price=_or(wish.kwh_price, point.kwh_price)
        )
        points.append(point if wanted == point else await charger.update_point(wanted))
    model = (*points, *remembered)[:1]
    power = wish.power or (model[0].power if model else POWER)
    kwh_price = _or(wish.kwh_price, model[0].kwh_price if model else KWH_PRICE)
    missing = (wish.points or len(remembered) or POINTS) - len(points)
    return points + [await charger.add_point(station_id, power, kwh_price) for _ in range(missing)]


def _or(wanted: Number | None, otherwise: Number) -> Number:
    return otherwise if wanted is None else wanted
