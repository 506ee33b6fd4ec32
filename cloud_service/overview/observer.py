"""Feeds an overview from the broker, and handles the broker's absences."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from secrets import token_hex
from typing import Final

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.requester import Requester
from cloud_service.overview.lists import follow_reservations
from cloud_service.overview.overview import SUBSCRIPTIONS, Overview
from cloud_service.protocol.messages import Message

CHECK_SECONDS: Final = 0.2
QUIET_SECONDS: Final = 2.0
"""If no retained message arrives for this long, the broker has sent all of them."""
SECONDS_A_MINUTE: Final = 60


class Observer:
    """An overview and the connection that feeds it, while `running()`.

    `requester` asks the service under the same account.
    """

    def __init__(self, broker: BrokerAddress, account: str) -> None:
        self.overview = Overview()
        self._retained_at = 0.0
        """When the last retained message arrived, or the connection was made."""
        self.requester = Requester(
            broker,
            account,
            client_id=f"{account}-{token_hex(6)}",
            subscriptions=SUBSCRIPTIONS,
            on_message=self._receive,
        )

    def _receive(self, message: Message) -> None:
        if message.retain:
            self._retained_at = asyncio.get_running_loop().time()
        self.overview.receive(message, datetime.now(UTC))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Observes while the block lasts. Raises ConnectionError if the broker cannot be reached at first."""
        # before the first message, so that complete() removes nothing that has arrived
        self.overview.connected()
        async with self.requester:
            self._retained_at = asyncio.get_running_loop().time()
            tasks = [
                asyncio.create_task(self._follow_connection(), name="broker"),
                asyncio.create_task(self._keep_history(), name="history"),
            ]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.wait(tasks)

    @asynccontextmanager
    async def reading_reservations(self) -> AsyncIterator[None]:
        """While the block lasts, the overview also knows the reservations that no message announces."""
        task = asyncio.create_task(follow_reservations(self.overview, self.requester), name="reservations")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def settle(self, quiet_seconds: float = QUIET_SECONDS) -> None:
        """Returns once no retained message has arrived for so long: the broker has then sent them all."""
        clock = asyncio.get_running_loop().time
        while (rest := self._retained_at + quiet_seconds - clock()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(rest)

    async def _follow_connection(self) -> None:
        loop, connection = asyncio.get_running_loop(), self.requester.connection
        while True:
            self._retained_at, logins, complete = loop.time(), connection.logins, False
            while connection.connected and connection.logins == logins:
                await asyncio.sleep(CHECK_SECONDS)
                if not complete and loop.time() - self._retained_at > QUIET_SECONDS:
                    self.overview.complete()
                    complete = True
            self.overview.disconnected()
            await connection.wait_connected()
            self.overview.connected()
            # The broker may have sent some retained messages before this task ran: let it send all of them.
            for topic in SUBSCRIPTIONS:
                connection.watch(topic)

    async def _keep_history(self) -> None:
        while True:
            for _ in range(SECONDS_A_MINUTE):
                await asyncio.sleep(1)
                self.overview.second(datetime.now(UTC))
            self.overview.minute(datetime.now(UTC))
