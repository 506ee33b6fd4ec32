"""Publishes the presence of a process at intervals: everybody sees that it works, and since when."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.mqtt.publisher import BrokerRefused
from cloud_service.protocol.messages import Message

log = logging.getLogger(__name__)

PRESENCE_INTERVAL_SECONDS: Final = 30.0


@asynccontextmanager
async def repeated_presence(
    presence: Callable[[], Message], connection: AsyncConnection
) -> AsyncIterator[None]:
    """Publishes the message while the block lasts and the broker is there."""

    async def repeat() -> None:
        while True:
            await asyncio.sleep(PRESENCE_INTERVAL_SECONDS)
            await connection.wait_connected()
            try:
                await connection.publish(presence())
            except BrokerRefused as error:
                log.warning("%s", error)

    repeating = asyncio.create_task(repeat(), name="presence")
    try:
        yield
    finally:
        repeating.cancel()
