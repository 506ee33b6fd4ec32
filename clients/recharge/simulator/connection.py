"""Reports when a client loses its connection to the broker and when it is back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final, Protocol

from recharge.simulator.observer import ConnectionLost, ConnectionRestored, Report

CHECK_SECONDS: Final = 0.5


class Connected(Protocol):
    """A Charger or a Vehicle."""

    @property
    def connected(self) -> bool: ...


@asynccontextmanager
async def watch_connection(client: Connected, report: Callable[[Report], None]) -> AsyncIterator[None]:
    """Watches a connected client while the block runs."""
    watching = asyncio.create_task(_watch(client, report), name="watch connection")
    try:
        yield
    finally:
        watching.cancel()
        await asyncio.wait([watching])


async def _watch(client: Connected, report: Callable[[Report], None]) -> None:
    connected = True
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        if client.connected != connected:
            connected = client.connected
            report(ConnectionRestored() if connected else ConnectionLost())
