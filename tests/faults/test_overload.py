"""More requests than the service takes: each is answered, some with BUSY, and others do not wait behind."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from os import kill
from pathlib import Path
from signal import SIGCONT, SIGSTOP

import msgspec
import pytest

from cloud_service.broker.asynchronous import AsyncConnection
from cloud_service.broker.requester import Requester
from cloud_service.operations.snapshot import take_snapshot
from cloud_service.operations.verify import examine
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message
from tests.conftest import Scale
from tests.harness import Stack

NAME = "flooder"


class Flood:
    """One account whose requests all come at once: the service is held until the broker has them."""

    def __init__(self, stack: Stack, count: int) -> None:
        self.counts: Counter[str] = Counter()
        self.released = asyncio.Event()
        self._stack = stack
        self._count = count
        self._statuses: dict[int, str] = {}

    async def run(self) -> None:
        """Until each has taken effect: who is told BUSY comes again."""
        connection = AsyncConnection(
            self._stack.address, NAME, subscriptions=[topics.reply(NAME)], on_message=self._receive
        )
        async with connection, asyncio.timeout(240):
            kill(self._stack.service.pid, SIGSTOP)
            await self._send(connection, range(self._count))
            kill(self._stack.service.pid, SIGCONT)
            self.released.set()
            while busy := await self._refused():
                await self._send(connection, busy)

    async def _send(self, connection: AsyncConnection, numbers: Iterable[int]) -> None:
        for number in numbers:
            self._statuses.pop(number, None)
        await asyncio.gather(*(connection.publish(self._request(number)) for number in numbers))

    def _request(self, number: int) -> Message:
        return Message(
            topics.request("newChargingStation", NAME),
            msgspec.json.encode({"x_position": number, "y_position": 0}),
            correlation=b"%d" % number,
        )

    async def _refused(self) -> list[int]:
        """Those that were told BUSY, once all have their reply."""
        while len(self._statuses) < self._count:
            await asyncio.sleep(0.05)
        return [number for number, status in self._statuses.items() if status == "BUSY"]

    def _receive(self, message: Message) -> None:
        assert message.correlation is not None
        reply = msgspec.json.decode(message.payload)
        status = "ok" if reply["ok"] else reply["error"]["code"]
        self._statuses[int(message.correlation)] = status
        self.counts[status] += 1


@pytest.mark.timeout(600)
def test_each_takes_effect_once_and_others_do_not_wait(
    tmp_path: Path, scale: Scale, figure: Callable[[str], None]
) -> None:
    count = scale(share=3_000, full=20_000)
    with Stack(tmp_path, pending_in_all="400", pending_per_client="200", log_level="warning") as stack:
        flood = Flood(stack, count)
        waits = asyncio.run(_beside(stack, flood))
        assert _places(stack) == list(range(count)), "a request was lost, or took effect twice"
        assert set(flood.counts) == {"ok", "BUSY"}
    figure(
        f"{count} requests of one client at once, where 200 may wait: all took effect once, after"
        f" {flood.counts['BUSY']} answers BUSY; another client meanwhile waited"
        f" {1000 * waits[len(waits) // 2]:.0f} ms in the median and {1000 * waits[-1]:.0f} ms at most"
    )


@pytest.mark.timeout(600)
def test_a_vehicle_does_not_starve_behind_an_import(
    tmp_path: Path, scale: Scale, figure: Callable[[str], None]
) -> None:
    count = scale(share=2_000, full=10_000)
    with Stack(tmp_path, log_level="warning") as stack:
        waits = asyncio.run(_beside(stack, Import(stack, count)))
        assert _places(stack) == list(range(count))
    assert len(waits) > 10, "the vehicle had to wait for the end of the import"
    figure(
        f"{count} stations imported with our client: a vehicle meanwhile waited"
        f" {1000 * waits[len(waits) // 2]:.1f} ms in the median and {1000 * waits[-1]:.0f} ms at most"
    )


class Import:
    """One account that has much to do, with the product's client."""

    def __init__(self, stack: Stack, count: int) -> None:
        self.released = asyncio.Event()
        self._stack = stack
        self._count = count

    async def run(self) -> None:
        async with Requester(self._stack.address, NAME) as requester, asyncio.TaskGroup() as tasks:
            self.released.set()
            for number in range(self._count):
                place = {"x_position": number, "y_position": 0}
                tasks.create_task(requester.request("newChargingStation", place, timeout=240))


async def _beside(stack: Stack, work: Flood | Import) -> list[float]:
    """How long another client waits meanwhile."""
    waits: list[float] = []
    async with Requester(stack.address, "vehicle") as requester:
        await requester.request("newChargingStation", {"x_position": -1, "y_position": -1})
        task = asyncio.create_task(work.run())
        await work.released.wait()
        while not task.done():
            begun = time.monotonic()
            await requester.request("receiveAllChargingPoints", {"chargingStationID": 1})
            waits.append(time.monotonic() - begun)
            await asyncio.sleep(0.02)
        await task
    return sorted(waits)


def _places(stack: Stack) -> list[float]:
    """Where the flood's stations stand, in order."""
    stations = examine(take_snapshot(stack.data_dir), None, datetime.now(UTC)).tables.stations
    return sorted(station.x for station in stations.values() if station.owner == NAME)
