"""A charging post, who watches it, and the vehicles that come."""

from contextlib import AsyncExitStack
from datetime import datetime
from secrets import token_hex
from types import TracebackType
from typing import Final, Self

from recharge import Reservation, Vehicle, Wishes
from tests.kit.onlooker import Onlooker
from tests.kit.posts import Post, Spot
from tests.kit.processes import Stack

QUARTER_HOUR: Final = (0, 5.5)
"""The battery, in percent and kWh, that the first point fills in a quarter of an hour."""


class Scene:
    """A post, who watches it, and the vehicles of one story."""

    def __init__(self, stack: Stack, spot: Spot, post: Post, onlooker: Onlooker) -> None:
        self.spot = spot
        self.post = post
        self.seen = onlooker
        self._stack = stack
        self._vehicles = AsyncExitStack()

    async def vehicle(self) -> Vehicle:
        """One that nobody has seen before."""
        vehicle = Vehicle(f"car-{token_hex(5)}", self._stack.address)
        return await self._vehicles.enter_async_context(vehicle)

    async def book(
        self,
        vehicle: Vehicle,
        *,
        point: int | None = None,
        flexible: bool = False,
        not_before: datetime | None = None,
    ) -> Reservation:
        """A charge of a quarter of an hour at the first point, or at the one that is wished."""
        wishes = Wishes(
            station_id=self.seen.station_id, point_id=point, flexible=flexible, not_before=not_before
        )
        return await vehicle.book(self.spot.x, self.spot.y, *QUARTER_HOUR, wishes)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._vehicles.aclose()
