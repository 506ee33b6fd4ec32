"""Floods over TCP: while they last, others are served within 100 ms; when they are over, memory is back."""

import asyncio
import json
import resource
import socket
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.synchronize import Event
from pathlib import Path

import pytest

from clients import legacy
from cloud_service.broker.requester import Requester
from tests.conftest import Scale
from tests.harness import HOST, Stack, wait_until

POINTS = {1: 60, 2: 3_000}
"""Of two stations: the second one's list has half a megabyte, more than a socket holds."""
REQUEST, LARGE_REQUEST = (
    json.dumps({"receiveAllChargingPoints": True, "chargingStationID": station}).encode()
    for station in POINTS
)
RETURNED = 35
"""MiB that may be in use more than before: Python and the C library keep some for the next time."""
Attack = Callable[[int, int, Event, Event], Coroutine[None, None, None]]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A gateway that takes more connections than usual, and may open as many files."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(16_384, before[1]), before[1]))
    with Stack(
        tmp_path_factory.mktemp("floods"),
        tcp_max_connections="8000",
        log_level="warning",
        tcp_write_timeout="5",
    ) as running:
        asyncio.run(_furnish(running))
        yield running
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def _furnish(stack: Stack) -> None:
    async with Requester(stack.address, "gateway-furnisher") as requester:
        for station, points in POINTS.items():
            await requester.request("newChargingStation", {"x_position": station, "y_position": 0})
            point = {"chargingStationID": station, "power": 22, "kWhPrice": 1, "availability": "livre"}
            await asyncio.gather(*(requester.request("newChargingPoint", point) for _ in range(points)))


async def open_from(port: int, number: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection; each five hundred of them come from an address of their own."""
    source = (f"127.0.{1 + number // 500}.1", 0)
    reader, writer = await asyncio.open_connection(HOST, port, local_addr=source)
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    return reader, writer


async def idle(port: int, count: int, ready: Event, enough: Event) -> None:
    """Open connections that say nothing."""
    writers = [(await open_from(port, number))[1] for number in range(count)]
    ready.set()
    while not enough.is_set():
        await asyncio.sleep(0.05)
    for writer in writers:
        writer.close()


async def drip(port: int, count: int, ready: Event, enough: Event) -> None:
    """A byte a second."""

    async def one(number: int) -> None:
        with suppress(ConnectionError):
            _, writer = await open_from(port, number)
            for byte in REQUEST:
                if enough.is_set():
                    break
                writer.write(bytes((byte,)))
                await asyncio.sleep(1)
            writer.close()

    ready.set()
    await asyncio.gather(*(one(number) for number in range(count)))


async def never_read(port: int, count: int, ready: Event, enough: Event) -> None:
    """Ask for lists, and read none of them."""

    async def one(number: int) -> None:
        with suppress(ConnectionError):
            _, writer = await open_from(port, number)
            connection: socket.socket = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            await asyncio.sleep(number % 10)
            while not enough.is_set():
                writer.write(LARGE_REQUEST)
                await asyncio.sleep(2)
            writer.close()

    ready.set()
    await asyncio.gather(*(one(number) for number in range(count)))


async def cut(port: int, count: int, ready: Event, enough: Event) -> None:
    """Cut in the midst of a request, and in the midst of its reply."""
    ready.set()
    for number in range(count):
        with suppress(ConnectionError):
            reader, writer = await open_from(port, number)
            if number % 2:
                writer.write(REQUEST[: number % len(REQUEST)])
                await writer.drain()
            else:
                writer.write(REQUEST)
                await reader.read(100)
            writer.transport.abort()
        if enough.is_set():
            return


async def flood(port: int, count: int, ready: Event, enough: Event) -> None:
    """Connections one after the other, as fast as they come."""
    ready.set()
    for number in range(count):
        with suppress(ConnectionError):
            _, writer = await open_from(port, number % 5_000)
            writer.transport.abort()
        if enough.is_set():
            return


ATTACKS: dict[str, tuple[Attack, int, int]] = {
    "idle connections": (idle, 5_000, 5_000),
    "connections with a byte a second": (drip, 100, 1_000),
    "connections that never read": (never_read, 20, 100),
    "connections cut in a request or a reply": (cut, 1_000, 20_000),
    "connections in a flood": (flood, 2_000, 50_000),
}


def attack(name: str, port: int, count: int, ready: Event, enough: Event) -> None:
    """In a process of its own."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(16_384, limit), limit))
    asyncio.run(ATTACKS[name][0](port, count, ready, enough))


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", ATTACKS)
def test_flood(name: str, stack: Stack, scale: Scale, figure: Callable[[str], None]) -> None:
    _, share, full = ATTACKS[name]
    count = scale(share=share, full=full)
    seconds = scale(share=4, full=20)
    context = get_context("spawn")
    ready, enough = context.Event(), context.Event()
    before = _memory(stack)
    process = context.Process(target=attack, args=(name, stack.tcp_port, count, ready, enough), daemon=True)
    process.start()
    wait_until(ready.is_set, "the attack has begun")
    waits = asyncio.run(_neighbour(stack.tcp_port, process.is_alive, seconds))
    most = _memory(stack)
    enough.set()
    process.join(60)
    assert process.exitcode == 0
    wait_until(lambda: _descriptors(stack) < 50, "the gateway has closed all connections")
    wait_until(lambda: _memory(stack) < before + RETURNED, "memory has returned")
    after = _memory(stack)
    tail = 1000 * waits[len(waits) * 99 // 100]
    figure(
        f"{count} {name}: others' p99 {tail:.1f} ms;"
        f" memory of the gateway {before:.0f} MiB, then {most:.0f}, then {after:.0f}"
    )
    assert tail < scale(share=1_000, full=100), "others have to wait"


async def _neighbour(port: int, going_on: Callable[[], bool], seconds: float) -> list[float]:
    """How long a well-behaved client waits for its answers."""
    waits: list[float] = []
    end = time.monotonic() + seconds
    while (going_on() and time.monotonic() < end) or len(waits) < 20:
        begun = time.monotonic()
        with suppress(legacy.Refused):
            await legacy.request("findReservation", {"vid": 1}, port=port)
        waits.append(time.monotonic() - begun)
        await asyncio.sleep(0.01)
    return sorted(waits)


def _memory(stack: Stack) -> float:
    """Of the gateway, in MiB."""
    pages = int(Path(f"/proc/{stack.gateway.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def _descriptors(stack: Stack) -> int:
    return sum(1 for _ in Path(f"/proc/{stack.gateway.pid}/fd").iterdir())
