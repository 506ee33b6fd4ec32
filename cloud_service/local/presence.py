"""Waits until the network's own processes report their presence at the broker."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import uuid4

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.protocol import topics
from cloud_service.protocol.errors import BadRequest
from cloud_service.protocol.messages import Message
from cloud_service.protocol.presence import read_presence


class PresenceWatch:
    """Follows presence from now on. A retained presence may stem from an earlier run that crashed."""

    def __init__(self) -> None:
        self._online: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)

    async def online(self, name: str) -> None:
        """Returns when `cloud_service` or `gateway` is online."""
        await self._online[topics.service(name)].wait()

    def receive(self, message: Message) -> None:
        """Takes a message on a presence topic. What is not a presence message is ignored."""
        if message.retain:
            return
        try:
            online = read_presence(message.payload).online
        except BadRequest:
            return
        if online:
            self._online[message.topic].set()
        else:
            self._online[message.topic].clear()


@asynccontextmanager
async def watch(address: BrokerAddress) -> AsyncIterator[PresenceWatch]:
    """Watches the presence of the network's processes at this broker."""
    presences = PresenceWatch()
    connection = AsyncConnection(
        address,
        f"watch-{uuid4().hex[:12]}",
        subscriptions=[topics.service("+")],
        on_message=presences.receive,
    )
    async with connection:
        yield presences
