"""What `recharge status`, `stations` and `watch` share: the network as the broker shows it to a monitor."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.overview.observer import Observer
from cloud_service.overview.records import Point
from cloud_service.overview.station import Station
from cloud_service.protocol.roles import roles_of

_ACCOUNT: Final = "monitor"
"""The account if the broker requires no login."""
_QUIET_SECONDS: Final = 0.5


def account_of(broker: BrokerAddress) -> str:
    return broker.user or _ACCOUNT


def sees_vehicles(account: str) -> bool:
    """Whether the vehicles' names may be shown to this account: to operators only."""
    return "operator" in roles_of(account)


@asynccontextmanager
async def observed(broker: BrokerAddress) -> AsyncIterator[Observer]:
    """Everything that the broker has retained, and what follows while the block lasts.

    Raises ConnectionError if the broker cannot be reached, or refuses the account.
    """
    observer = Observer(broker, account_of(broker))
    async with observer.running():
        await observer.settle(_QUIET_SECONDS)
        yield observer


def station_as_json(station: Station) -> dict[str, Any]:
    """The station with the keys of the protocol, as far as it has them."""
    place = station.place
    return {
        "chargingStationID": station.number,
        "x_position": None if place is None else place.x,
        "y_position": None if place is None else place.y,
        "name": None if place is None else place.name,
        "address": None if place is None else place.address,
        "offline": station.offline,
        "chargingPoints": [
            _point(station, number, point) for number, point in sorted(station.points.items())
        ],
    }


def _point(station: Station, number: int, point: Point) -> dict[str, Any]:
    return {
        "chargingPointID": number,
        "power": point.power,
        "kWhPrice": point.price,
        "state": station.state_of(point),
        "queueLength": point.queue_length,
        "freeFrom": point.free_from,
        "connector": point.connector,
        "session": point.session,
    }
