"""An account whose requests wait at the service by the thousand, in a separate process."""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from multiprocessing.queues import Queue
from multiprocessing.synchronize import Event
from os import kill
from signal import SIGCONT, SIGSTOP

import msgspec
from msgspec import Struct, field

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message
from tests.kit.processes import HOST
from tests.kit.waiting import until

NAME = "owner"
CONNECTIONS = 4
"""Each has some requests on their way to the broker only; together they are faster than the service."""
PAUSE = 0.5
"""Seconds before a client retries after BUSY."""


class Plan(Struct, frozen=True):
    """Stations to register, and how many requests are not answered yet at any time.

    After `lead` replies others begin.
    """

    stations: int
    unanswered: int
    lead: int


class Seen(Struct):
    """Replies by `ok` or the error's code, and how long each `ok` took from the broker on, in seconds."""

    statuses: Counter[str] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)


def register(plan: Plan, port: int, service: int, underway: Event, results: "Queue[Seen]") -> None:
    """Runs until every station is registered. `service` is paused until the first wave is waiting."""
    results.put(asyncio.run(_Backlog(plan, underway).run(port, service)))


class _Backlog:
    def __init__(self, plan: Plan, underway: Event) -> None:
        self._plan = plan
        self._underway = underway
        self._seen = Seen()
        self._arrived = 0
        self._connections: list[AsyncConnection] = []
        self._replies: dict[int, asyncio.Future[str]] = {}

    async def run(self, port: int, service: int) -> Seen:
        async with AsyncExitStack() as stack, asyncio.timeout(240), asyncio.TaskGroup() as tasks:
            for number in range(CONNECTIONS):
                own = [f"{topics.reply(NAME)}/{number}"]
                connection = AsyncConnection(
                    BrokerAddress(HOST, port),
                    f"{NAME}-{number}",
                    subscriptions=own,
                    on_message=self._receive,
                )
                self._connections.append(await stack.enter_async_context(connection))
            kill(service, SIGSTOP)
            try:
                numbers = iter(range(self._plan.stations))
                for _ in range(self._plan.unanswered):
                    tasks.create_task(self._one_after_the_other(numbers))
                await until(lambda: self._arrived >= self._plan.unanswered)
            finally:
                kill(service, SIGCONT)
        return self._seen

    async def _one_after_the_other(self, numbers: Iterator[int]) -> None:
        for number in numbers:
            while await self._ask(number) == "BUSY":
                await asyncio.sleep(PAUSE)

    async def _ask(self, number: int) -> str:
        """The reply's status."""
        reply: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._replies[number] = reply
        lane = number % CONNECTIONS
        request = Message(
            topics.request("newChargingStation", NAME),
            msgspec.json.encode({"x_position": number, "y_position": 0}),
            correlation=b"%d" % number,
            response_topic=f"{topics.reply(NAME)}/{lane}",
        )
        await self._connections[lane].publish(request)
        self._arrived += 1
        begun = time.monotonic()
        status: str = await reply
        self._seen.statuses[status] += 1
        if self._seen.statuses.total() == self._plan.lead:
            self._underway.set()
        if status == "ok":
            self._seen.waits.append(time.monotonic() - begun)
        return status

    def _receive(self, message: Message) -> None:
        reply = msgspec.json.decode(message.payload)
        assert message.correlation is not None
        self._replies[int(message.correlation)].set_result("ok" if reply["ok"] else reply["error"]["code"])
