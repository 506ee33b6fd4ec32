"""Charging posts that play the same story: one with the client library on MQTT, the others on OCPP.

Each has two points, of which the second is the slower and cheaper one. The story says what people do and what
the hardware measures; each post tells it in its own protocol.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import datetime
from itertools import count
from typing import Final, Literal, Protocol, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from cloud_service.mqtt.requester import Requester
from cloud_service.ocpp.schemas import Version
from cloud_service.protocol import ocpp
from cloud_service.protocol.errors import Conflict, NotFound
from cloud_service.protocol.messages import Message
from recharge import Charger, Point
from tests.kit.ocpp import VERSIONS, OcppGatewayProcess, connected
from tests.kit.ocpp import Charger as OcppCharger
from tests.kit.processes import Stack

Kind: TypeAlias = Literal["mqtt"] | Version
KINDS: Final[tuple[Kind, ...]] = ("mqtt", *VERSIONS)
POWERS: Final = {1: 22, 2: 11}
"""In kW, by point."""
PRICES: Final = {1: 0.9, 2: 0.5}
"""Of one kWh."""
_numbers = count(1)


class Spot(Struct, frozen=True):
    """Where a post stands, far from all others, and the name of its account."""

    name: str
    x: int
    y: int = 0


class Post(Protocol):
    """What the hardware of a charger tells. Energy is in kWh, power in kW."""

    async def go_online(self) -> None:
        """It starts, or its connection is back."""

    async def go_offline(self) -> None:
        """Its connection is lost."""

    async def begin(self, vehicle: str, point: int = 1) -> bool:
        """A vehicle identifies itself and wants to charge. Whether it may."""

    async def measure(self, energy: float, power: float, point: int = 1) -> None:
        """What this charge has got so far."""

    async def finish(self, energy: float, point: int = 1) -> None:
        """The vehicle has left with this energy."""

    async def fail(self, point: int = 1) -> None:
        """The point is out of order."""

    async def recover(self, point: int = 1) -> None:
        """The point is in order again."""

    async def tell_of(self, vehicle: str, start: datetime, finish: datetime, energy: float) -> None:
        """Somebody has charged at the first point while it had no connection."""


class MqttPost:
    """A post on the client library."""

    def __init__(self, spot: Spot, stack: Stack) -> None:
        self._spot = spot
        self._stack = stack
        self._connection = AsyncExitStack()
        self._points: dict[int, Point] = {}

    async def go_online(self) -> None:
        self._charger = await self._connection.enter_async_context(
            Charger(self._spot.name, self._stack.address)
        )
        self._station = (await self._charger.register_station(self._spot.x, self._spot.y)).station_id
        if not self._points:
            for point, power in POWERS.items():
                self._points[point] = await self._charger.add_point(self._station, power, PRICES[point])

    async def go_offline(self) -> None:
        await self._connection.aclose()

    async def begin(self, vehicle: str, point: int = 1) -> bool:
        try:
            await self._charger.start_charging(self._station, point, vehicle)
        except (Conflict, NotFound):
            return False
        self._points[point] = replace(self._points[point], availability="ocupado")
        return True

    async def measure(self, energy: float, power: float, point: int = 1) -> None:
        await self._charger.meter_charging(self._station, point, energy, power)

    async def finish(self, energy: float, point: int = 1) -> None:
        await self._charger.finish_charging(self._station, point, energy)
        self._points[point] = replace(self._points[point], availability="livre")

    async def fail(self, point: int = 1) -> None:
        await self._charger.update_point(self._points[point], operational=False)

    async def recover(self, point: int = 1) -> None:
        await self._charger.update_point(self._points[point], operational=True)

    async def tell_of(self, vehicle: str, start: datetime, finish: datetime, energy: float) -> None:
        await self._charger.record_charging(self._station, 1, start, finish, energy, vehicle)


class OcppPost:
    """A post on the charge point of the `ocpp` package. Its meters count on from one charge to the next."""

    def __init__(self, spot: Spot, version: Version, gateway: OcppGatewayProcess) -> None:
        self._spot = spot
        self._version: Version = version
        self._gateway = gateway
        self._connection = AsyncExitStack()
        self._meters = {point: 100_000 * point for point in POWERS}
        """In Wh."""
        self._charging: dict[int, str] = {}
        """The transaction on a point."""

    async def go_online(self) -> None:
        self._charger: OcppCharger = await self._connection.enter_async_context(
            connected(self._gateway, self._spot.name, self._version)
        )
        while await self._charger.boot() != "Accepted":
            await asyncio.sleep(0.05)  # its place is on its way to the gateway
        for point in POWERS:
            await self._charger.status("Occupied" if point in self._charging else "Available", point)

    async def go_offline(self) -> None:
        await self._connection.aclose()

    async def begin(self, vehicle: str, point: int = 1) -> bool:
        await self._charger.status("Occupied", point)
        transaction = await self._charger.start(vehicle, self._meters[point], connector=point)
        if transaction is None:
            await self._charger.status("Available", point)
            return False
        self._charging[point] = transaction
        return True

    async def measure(self, energy: float, power: float, point: int = 1) -> None:
        meter, watts = self._meters[point] + round(1000 * energy), round(1000 * power)
        await self._charger.measure(self._charging[point], meter, watts, point)

    async def finish(self, energy: float, point: int = 1) -> None:
        self._meters[point] += round(1000 * energy)
        transaction = self._charging.pop(point)
        await self._charger.stop(transaction, self._meters[point], connector=point)

    async def fail(self, point: int = 1) -> None:
        await self._charger.status("Faulted", point)

    async def recover(self, point: int = 1) -> None:
        await self._charger.status("Available", point)

    async def tell_of(self, vehicle: str, start: datetime, finish: datetime, energy: float) -> None:
        transaction = await self._charger.start(vehicle, self._meters[1], at=start.isoformat())
        assert transaction is not None
        self._meters[1] += round(1000 * energy)
        await self._charger.stop(transaction, self._meters[1], at=finish.isoformat())


def new_spot() -> Spot:
    """A place that no other post has."""
    number = next(_numbers)
    return Spot(f"same-{number}", 600_000 + 1_000 * number)


@asynccontextmanager
async def post_of(kind: Kind, spot: Spot, stack: Stack, gateway: OcppGatewayProcess) -> AsyncIterator[Post]:
    """A post of this kind that is online, and offline after the block."""
    if kind == "mqtt":
        post: Post = MqttPost(spot, stack)
    else:
        await give_place(spot, stack)
        post = OcppPost(spot, kind, gateway)
    await post.go_online()
    try:
        yield post
    finally:
        await post.go_offline()


async def give_place(spot: Spot, stack: Stack) -> None:
    """As an operator does, with `recharge ocpp add`."""
    points = tuple(ocpp.PlacePoint(point, POWERS[point], PRICES[point]) for point in POWERS)
    place = ocpp.Place(spot.x, spot.y, points)
    async with Requester(stack.address, f"operator-of-{spot.name}") as operator:
        await operator.connection.publish(Message(ocpp.place(spot.name), ocpp.encode(place), retain=True))
