"""Bookings over raw TCP through the gateway: over kept connections, or a connection a request."""

import asyncio
import json
import time
from collections.abc import Iterator

from tests.benchmarks.bench.load import Load
from tests.kit.processes import HOST
from tests.kit.waiting import DEADLINE


def run(port: int, bodies: Iterator[bytes], count: int, connections: int, *, kept: bool) -> Load:
    """Sends `count` requests over this many connections at a time. Raises AssertionError for a reply that is
    not a reservation.
    """

    async def all_of_them() -> Load:
        load = Load()
        remaining = iter(range(count))
        begun = time.perf_counter()
        async with asyncio.timeout(DEADLINE), asyncio.TaskGroup() as tasks:
            for _ in range(connections):
                tasks.create_task(_client(port, bodies, remaining, load, kept=kept))
        load.seconds = time.perf_counter() - begun
        return load

    return asyncio.run(all_of_them())


async def _client(
    port: int, bodies: Iterator[bytes], remaining: Iterator[int], load: Load, *, kept: bool
) -> None:
    opened: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None
    for _ in remaining:
        begun = time.perf_counter()
        if opened is None:
            opened = await asyncio.open_connection(HOST, port)
        await _ask(*opened, next(bodies))
        load.latencies.append(time.perf_counter() - begun)
        if not kept:
            opened[1].close()
            opened = None
    if opened is not None:
        opened[1].close()


async def _ask(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, body: bytes) -> None:
    writer.write(body)
    reply = b""
    while not reply.endswith(b"\n}"):
        piece = await reader.read(8192)
        assert piece, f"instead of a reservation: {reply!r}"
        reply += piece
    assert "reservationID" in json.loads(reply)
