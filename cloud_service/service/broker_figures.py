"""Follows the broker's own figures for the metrics, in a thread and over a connection of its own.

The deciding thread has nothing to do with it: if the broker refuses these topics, only these figures are
missing.
"""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from threading import Thread
from typing import Final

from cloud_service.metrics.broker import TOPICS, BrokerCollector
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.async_connection import AsyncConnection

log = logging.getLogger(__name__)

RETRY_SECONDS: Final = 30.0
"""Between two attempts before the first connection. After it, the connection comes back by itself."""


@contextmanager
def followed_broker(address: BrokerAddress, client_id: str) -> Iterator[BrokerCollector]:
    """Follows the broker's figures within the block. `client_id` is the service's."""
    follower = _Follower(address, client_id)
    thread = Thread(target=follower.run, name="broker figures", daemon=True)
    thread.start()
    try:
        yield follower.collector
    finally:
        follower.stop()
        thread.join()


class _Follower:
    def __init__(self, address: BrokerAddress, client_id: str) -> None:
        self.collector = BrokerCollector(lambda: self._connection.connected)
        self._connection = AsyncConnection(
            address,
            f"{client_id}-figures",
            subscriptions=[TOPICS],
            on_message=lambda message: self.collector.receive(message.topic, message.payload),
        )
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()

    def run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._follow())

    def stop(self) -> None:
        """May be called from another thread."""
        with suppress(RuntimeError):  # the loop has ended already
            self._loop.call_soon_threadsafe(self._stop.set)

    async def _follow(self) -> None:
        while not self._stop.is_set():
            try:
                async with self._connection:
                    await self._stop.wait()
            except ConnectionError as error:
                log.warning("no figures of the broker, next attempt in %g s: %s", RETRY_SECONDS, error)
                await self._pause()

    async def _pause(self) -> None:
        waiting = asyncio.create_task(self._stop.wait())
        await asyncio.wait([waiting], timeout=RETRY_SECONDS)
        waiting.cancel()
