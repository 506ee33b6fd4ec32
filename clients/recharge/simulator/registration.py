"""Registers a charger's station and points: finds what exists already and adds what is missing."""

from collections.abc import Callable, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from recharge.charger import Charger
from recharge.errors import Forbidden, NotFound
from recharge.records import KEEP, Connector, Described, Number, Point, Station
from recharge.simulator.saved_station import SavedStation

DEFAULT_POINTS: Final = 2
DEFAULT_POWER_KW: Final = 22
DEFAULT_KWH_PRICE: Final = 0.9


class WantedStation(Struct, frozen=True):
    """What the owner asks for. None keeps what exists, or uses the default if nothing exists.

    KEEP leaves the name and the address as they are; None removes them.
    `points` is the minimum number of points, `power` is in kW.
    """

    x: Number
    y: Number
    points: int | None = None
    power: Number | None = None
    kwh_price: Number | None = None
    name: Described = KEEP
    address: Described = KEEP
    connector: Connector | None = None


class RegisteredStation(Struct, frozen=True):
    """A station and its points as the network has them."""

    station: Station
    points: tuple[Point, ...]


async def register(
    charger: Charger,
    wanted: WantedStation,
    saved: SavedStation | None = None,
    save: Callable[[SavedStation], None] = lambda _: None,
) -> RegisteredStation:
    """Brings the network's station into line with `wanted`, and saves each step.

    A saved station that no longer exists, or belongs to another account, is registered again. Points beyond
    the wanted number stay, because somebody may have booked them. Raises what Charger's methods raise.
    """
    old = saved or SavedStation(wanted.x, wanted.y)
    points = await _find_points(charger, old.station_id)
    if old.station_id is None or points is None:
        # Saves the location first: after a crash, registering it again returns the same station.
        save(SavedStation(wanted.x, wanted.y, points=old.points))
        station = await charger.register_station(wanted.x, wanted.y, name=wanted.name, address=wanted.address)
        points = await charger.points(station.station_id)
    else:
        station = await charger.move_station(
            old.station_id, wanted.x, wanted.y, name=wanted.name, address=wanted.address
        )
    complete = tuple(await _complete(charger, station.station_id, points, old.points, wanted))
    save(SavedStation(wanted.x, wanted.y, station.station_id, complete))
    return RegisteredStation(station, complete)


async def _find_points(charger: Charger, station_id: int | None) -> list[Point] | None:
    """Returns None when this account has no such station."""
    if station_id is None:
        return None
    try:
        return await charger.points(station_id)
    except (NotFound, Forbidden):
        return None


async def _complete(
    charger: Charger,
    station_id: int,
    existing: Sequence[Point],
    saved: Sequence[Point],
    wanted: WantedStation,
) -> list[Point]:
    """Updates the existing points and adds new ones up to the wanted number."""
    points = []
    for point in existing:
        changed = msgspec.structs.replace(
            point,
            power=_first(wanted.power, point.power),
            kwh_price=_first(wanted.kwh_price, point.kwh_price),
            connector=wanted.connector or point.connector,
        )
        points.append(point if changed == point else await charger.update_point(changed))
    model = (*points, *saved)[:1]
    power = _first(wanted.power, model[0].power if model else DEFAULT_POWER_KW)
    kwh_price = _first(wanted.kwh_price, model[0].kwh_price if model else DEFAULT_KWH_PRICE)
    missing = (wanted.points or len(saved) or DEFAULT_POINTS) - len(points)
    added = [
        await charger.add_point(station_id, power, kwh_price, connector=wanted.connector)
        for _ in range(missing)
    ]
    return points + added


def _first(wanted: Number | None, otherwise: Number) -> Number:
    return otherwise if wanted is None else wanted
