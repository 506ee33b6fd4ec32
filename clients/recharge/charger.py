"""A charger: stations and their points, as their owner sees them."""

from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.paho_client import Protocol
from recharge.account import MQTTClient
from recharge.records import Availability, Event, Number, Point, Reservation, Station, read_reservation

LOCAL: Final = BrokerAddress()
"""An open broker on this machine."""


class Charger:
    """`async with Charger("charger-7") as charger`: online for as long as the block lasts.

    All methods raise RequestError where the service says no (its class tells why), OutcomeUnknown where no
    reply came within `timeout` seconds, and ConnectionError where the connection was closed meanwhile. Where
    asking again may help, that has been done, with the same request ID.
    """

    def __init__(
        self,
        name: str,
        broker: BrokerAddress = LOCAL,
        *,
        protocol: Protocol = "mqtt5",
        client_id: str | None = None,
        limit: int = 100,
        timeout: float = 10.0,
        presence: bool = True,
    ) -> None:
        self.name = name
        self._client = MQTTClient(
            name, broker, protocol=protocol, client_id=client_id, limit=limit, presence=presence
        )
        self._timeout = timeout

    async def __aenter__(self) -> Self:
        """Raises ConnectionError where the broker is not reached or refuses the account."""
        await self._client.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.__aexit__(kind, error, trace)

    async def register_station(self, x: Number, y: Number) -> Station:
        """The station at this location: a new one, or the one that this account has there already."""
        station_id = await self._ask("newChargingStation", {"x_position": x, "y_position": y})
        return Station(station_id, x, y)

    async def move_station(self, station_id: int, x: Number, y: Number) -> Station:
        values = {"chargingStationID": station_id, "x_position": x, "y_position": y}
        await self._ask("updateChargingStation", values)
        return Station(station_id, x, y)

    async def delete_station(self, station_id: int) -> None:
        """Deletes it with its points and their reservations."""
        await self._ask("deleteChargingStation", {"chargingStationID": station_id})

    async def add_point(
        self, station_id: int, power: Number, kwh_price: Number, availability: Availability = "livre"
    ) -> Point:
        """A new point; `power` is in kW."""
        values = {
            "chargingStationID": station_id,
            "power": power,
            "kWhPrice": kwh_price,
            "availability": availability,
        }
        return Point(await self._ask("newChargingPoint", values), station_id, power, kwh_price, availability)

    async def update_point(self, point: Point) -> Point:
        """Makes the point what this record says."""
        await self._ask("updateChargingPoint", msgspec.to_builtins(point))
        return point

    async def delete_point(self, point: Point) -> None:
        """Deletes it with its reservations."""
        values = {"chargingPointID": point.point_id, "chargingStationID": point.station_id}
        await self._ask("deleteChargingPoint", values)

    async def points(self, station_id: int) -> list[Point]:
        found = await self._ask("receiveAllChargingPoints", {"chargingStationID": station_id})
        return msgspec.convert(found, list[Point])

    async def reservations(self, station_id: int) -> list[Reservation]:
        """Those scheduled at the station."""
        found = await self._ask("receiveAllReservations", {"chargingStationID": station_id})
        return [read_reservation(values) for values in found]

    def events(self) -> AsyncIterator[Event]:
        """What happens at this account's stations, from now on. For one reader; ends with the connection."""
        return self._client.events()

    async def _ask(self, action: str, values: Mapping[str, Any]) -> Any:
        return await self._client.request(action, values, self._timeout)
