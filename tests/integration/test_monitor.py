"""The monitor under load: 200 viewers, some of them slow, none of them at another's cost."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosedError

from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message
from tests.kit.monitor import Monitor
from tests.kit.processes import HOST, Broker, Stack

pytestmark = pytest.mark.alone

STATIONS = 5000
VIEWERS = 200
CHANGES = 500
"""A second."""
SECONDS = 4
LAST_PRICE = 99


class Viewer:
    """A page: it takes each message over, and checks that none is missing before it."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.number = -1
        self.stations: dict[int, Any] = {}
        self.messages = 0
        self.wholes = 0
        self.longest_pause = 0.0

    async def receive(self) -> None:
        before = time.monotonic()
        message = json.loads(await self.socket.recv())
        self.longest_pause = max(self.longest_pause, time.monotonic() - before)
        self.messages += 1
        if message["whole"]:
            self.wholes += 1
            self.stations = {row[0]: row for row in message["stations"]}
        else:
            assert message["since"] == self.number, "a gap"
            for station in message["gone"]:
                self.stations.pop(station, None)
            self.stations.update({row[0]: row for row in message["stations"]})
        self.number = message["number"]

    async def follow_until(self, price: float) -> None:
        while not any(row[5] and row[5][0][2] == price for row in (self.stations.get(1),) if row):
            await self.receive()


def state(station: int, price: float) -> tuple[Message, Message]:
    place = {"chargingStationID": station, "x_position": station % 100, "y_position": station // 100}
    point = {"power": 22, "kWhPrice": price, "availability": "livre", "queueLength": 0, "freeFrom": None}
    return (
        Message(topics.station_state(station), json.dumps(place).encode(), retain=True),
        Message(topics.point_state(station, 1), json.dumps(point).encode(), retain=True),
    )


async def publish_all(connection: AsyncConnection, messages: list[Message]) -> None:
    await asyncio.gather(*(connection.send(message) for message in messages))


@pytest.fixture
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    folder = tmp_path_factory.mktemp("viewers")
    with Broker(folder / "broker") as broker:
        yield Stack(folder, broker)


@asynccontextmanager
async def viewers(monitor: Monitor, count: int) -> AsyncIterator[list[Viewer]]:
    address = f"ws://{HOST}:{monitor.port}/api/live"
    sockets: list[ClientConnection] = []
    try:
        for _ in range(count):
            sockets.append(await connect(address, max_size=None, compression=None))  # noqa: PERF401
        yield [Viewer(socket) for socket in sockets]
    finally:
        await asyncio.gather(*(socket.close() for socket in sockets))


async def change(connection: AsyncConnection) -> None:
    """Changes CHANGES stations a second for SECONDS, and station 1 last."""
    loop = asyncio.get_running_loop()
    begin = loop.time()
    tenths = SECONDS * 10
    for tenth in range(tenths):
        first = tenth * CHANGES // 10
        changed = (2 + (first + step) % (STATIONS - 1) for step in range(CHANGES // 10))
        await publish_all(connection, [state(station, 1 + tenth / 100)[1] for station in changed])
        await asyncio.sleep(max(0.0, begin + (tenth + 1) / 10 - loop.time()))
    await connection.publish(state(1, LAST_PRICE)[1])


def test_two_hundred_viewers_and_ten_that_do_not_read(network: Stack) -> None:
    async def follow(monitor: Monitor) -> None:
        async with AsyncConnection(network.address, "filler") as connection:
            await publish_all(connection, [m for s in range(1, STATIONS + 1) for m in state(s, 0.5)])
            async with viewers(monitor, VIEWERS + 10) as everybody:
                reading, slow = everybody[:VIEWERS], everybody[VIEWERS:]
                await asyncio.gather(*(viewer.follow_until(0.5) for viewer in reading))
                while min(len(viewer.stations) for viewer in reading) < STATIONS:
                    await asyncio.gather(*(viewer.receive() for viewer in reading))
                before = monitor.memory()
                for viewer in reading:
                    viewer.messages = viewer.wholes = 0
                    viewer.longest_pause = 0
                await asyncio.gather(
                    change(connection), *(viewer.follow_until(LAST_PRICE) for viewer in reading)
                )
                grown = monitor.memory() - before
                assert grown < 100, f"{grown:.0f} MiB for what ten viewers did not read"
                assert all(viewer.wholes == 0 for viewer in reading)
                assert all(viewer.messages <= SECONDS * 5 * 5 for viewer in reading)
                pause = max(viewer.longest_pause for viewer in reading)
                assert pause < 5, f"a viewer waited {pause:.1f} s"
                for viewer in slow:
                    await viewer.follow_until(LAST_PRICE)
                    assert viewer.stations == reading[0].stations

    with Monitor(network) as monitor:
        asyncio.run(follow(monitor))


async def is_served(monitor: Monitor) -> bool:
    """Whether a new viewer gets the network: one that leaves makes room a moment later."""
    async with viewers(monitor, 1) as [viewer]:
        try:
            await viewer.receive()
        except ConnectionClosedError:
            return False
        return viewer.wholes == 1


def test_too_many_viewers_are_sent_away_and_the_others_stay(network: Stack) -> None:
    async def follow(monitor: Monitor) -> None:
        async with viewers(monitor, 4) as everybody:
            last = everybody.pop()
            await last.socket.wait_closed()
            assert last.socket.close_code == 1013
            await asyncio.gather(*(viewer.receive() for viewer in everybody))
            await everybody.pop().socket.close()
            while not await is_served(monitor):
                pass

    with Monitor(network, http_max_viewers="3") as monitor:
        asyncio.run(follow(monitor))


def test_a_gap_leads_to_the_whole(network: Stack) -> None:
    async def follow(monitor: Monitor) -> None:
        async with AsyncConnection(network.address, "filler") as connection, viewers(monitor, 1) as [viewer]:
            await publish_all(connection, list(state(1, 0.5)))
            await viewer.follow_until(0.5)
            wholes = viewer.wholes
            await viewer.socket.send('{"resync": true}')
            while viewer.wholes == wholes:
                await viewer.receive()
            assert list(viewer.stations) == [1]

    with Monitor(network) as monitor:
        asyncio.run(follow(monitor))
