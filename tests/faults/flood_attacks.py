"""Floods over TCP, each in a separate process."""

import asyncio
import itertools
import json
import resource
import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from multiprocessing.context import SpawnContext
from multiprocessing.synchronize import Event

from tests.kit.processes import HOST

POINTS = {1: 60, 2: 3_000}
"""Of two stations: the second one's list has half a megabyte, more than a socket holds."""
REQUEST, LARGE_REQUEST = (
    json.dumps({"receiveAllChargingPoints": True, "chargingStationID": station}).encode()
    for station in POINTS
)


class Progress:
    """`begun` with the first connection, `complete` once all were made; it ends when there is `enough`."""

    def __init__(self, context: SpawnContext) -> None:
        self.begun: Event = context.Event()
        self.complete: Event = context.Event()
        self.enough: Event = context.Event()


Attack = Callable[[int, int, Progress], Coroutine[None, None, None]]


async def open_from(port: int, number: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection; each five hundred of them come from an address of their own."""
    source = (f"127.0.{1 + number // 500 % 10}.1", 0)
    reader, writer = await asyncio.open_connection(HOST, port, local_addr=source)
    connection: socket.socket = writer.get_extra_info("socket")
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    return reader, writer


async def enough_of(progress: Progress) -> None:
    while not progress.enough.is_set():
        await asyncio.sleep(0.05)


async def idle(port: int, count: int, progress: Progress) -> None:
    """Open connections that say nothing."""
    writers = [(await open_from(port, number))[1] for number in range(count)]
    progress.complete.set()
    await enough_of(progress)
    for writer in writers:
        writer.transport.abort()


async def drip(port: int, count: int, progress: Progress) -> None:
    """A byte a second, for as long as a request lasts."""
    writers = [(await open_from(port, number))[1] for number in range(count)]
    progress.complete.set()
    enough = asyncio.create_task(enough_of(progress))
    for byte in REQUEST:
        for writer in writers:
            writer.write(bytes((byte,)))
        await asyncio.wait([enough], timeout=1)
        if enough.done():
            break
    for writer in writers:
        writer.transport.abort()


async def never_read(port: int, count: int, progress: Progress) -> None:
    """Ask for a list, ten connections a second, and read none of it."""
    writers = []
    for number in range(count):
        _, writer = await open_from(port, number)
        connection: socket.socket = writer.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(LARGE_REQUEST)
        writers.append(writer)
        await asyncio.sleep(0.1)
    progress.complete.set()
    await enough_of(progress)
    for writer in writers:
        writer.transport.abort()


async def cut(port: int, count: int, progress: Progress) -> None:
    """One after the other, cut in the midst of a request or of its reply."""
    for number in itertools.count(1):
        with suppress(ConnectionError):
            reader, writer = await open_from(port, number)
            if number % 2:
                writer.write(REQUEST[: number % len(REQUEST)])
                await writer.drain()
            else:
                writer.write(REQUEST)
                await reader.read(100)
            writer.transport.abort()
        if _is_over(number, count, progress):
            return


async def flood(port: int, count: int, progress: Progress) -> None:
    """One after the other, as fast as they come."""
    for number in itertools.count(1):
        with suppress(ConnectionError):
            _, writer = await open_from(port, number)
            writer.transport.abort()
        if _is_over(number, count, progress):
            return


def _is_over(number: int, count: int, progress: Progress) -> bool:
    if number == count:
        progress.complete.set()
    return progress.enough.is_set()


ATTACKS: dict[str, Attack] = {
    "idle connections": idle,
    "connections with a byte a second": drip,
    "connections that never read": never_read,
    "connections cut in a request or a reply": cut,
    "connections in a flood": flood,
}
LASTING = {"idle connections", "connections with a byte a second", "connections that never read"}
"""Once complete, all of these attacks' connections are open at the same time."""


def attack(name: str, port: int, count: int, progress: Progress) -> None:
    """Runs in a separate process."""
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(16_384, limit), limit))
    progress.begun.set()
    asyncio.run(ATTACKS[name](port, count, progress))
