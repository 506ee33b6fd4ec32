"""Requests over MQTT: one connection, with a number of requests outstanding or at a pace. QoS 1."""

import asyncio
import time
from collections.abc import Iterator
from secrets import token_hex

from msgspec import Struct, field

from tests.benchmarks.bench import packets
from tests.kit.processes import HOST
from tests.kit.waiting import DEADLINE

CLIENT = "operator-bench"
"""It may book for any vehicle."""


class Load(Struct):
    """What a load has seen. Latencies are in seconds."""

    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Replies a second."""
        return len(self.latencies) / self.seconds

    def quantile(self, share: float) -> float:
        """The latency that this share of the requests did not exceed."""
        ordered = sorted(self.latencies)
        return ordered[min(int(len(ordered) * share), len(ordered) - 1)]


class Connection(asyncio.Protocol):
    """Sends requests and counts their replies. `done` is set at the last, or at the first that is not ok."""

    def __init__(self, request: str, reply: str, bodies: Iterator[bytes], count: int) -> None:
        self.load = Load()
        self.subscribed = asyncio.Event()
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._topic = packets.text(request.encode())
        self._reply = reply
        self._bodies = bodies
        self._count = count
        self._sent = 0
        self._refills = False
        self._begun: dict[bytes, float] = {}
        self._buffer = bytearray()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(packets.connect(f"bench-{token_hex(4)}"))

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        answers = [self._handle(first & 0xF0, body) for first, body in packets.packets(self._buffer)]
        self._transport.write(b"".join(answers))

    def connection_lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(ConnectionError(f"the broker ended the connection: {error}"))

    def begin(self, outstanding: int) -> None:
        """Sends this many, and another one after each reply."""
        self._refills = True
        self._transport.write(b"".join(self._next() for _ in range(min(outstanding, self._count))))

    def send(self) -> None:
        """Sends one."""
        self._transport.write(self._next())

    def _handle(self, kind: int, body: bytes) -> bytes:
        if kind == 0x20:
            return packets.subscribe(self._reply)
        if kind == 0x90:
            self.subscribed.set()
        return self._receive(body) if kind == 0x30 else b""

    def _receive(self, body: bytes) -> bytes:
        number, key = packets.correlation(body)
        begun = self._begun.pop(key, None)
        if begun is None:
            return packets.puback(number)
        self.load.latencies.append(time.perf_counter() - begun)
        if b'"ok":false' in body and not self.done.done():
            self.done.set_exception(AssertionError(body[body.find(b"{") :].decode()))
        if len(self.load.latencies) == self._count and not self.done.done():
            self.done.set_result(None)
        more = self._next() if self._refills and self._sent < self._count else b""
        return packets.puback(number) + more

    def _next(self) -> bytes:
        key = packets.MARK + token_hex(8).encode()
        self._sent += 1
        properties = packets.properties(self._reply.encode(), key)
        self._begun[key] = time.perf_counter()
        return packets.publish(self._topic, self._sent % 65_535 + 1, properties, next(self._bodies))


def run(
    port: int,
    topic: str,
    bodies: Iterator[bytes],
    count: int,
    *,
    outstanding: int = 100,
    a_second: float | None = None,
) -> Load:
    """Sends `count` requests and waits for their replies: some outstanding at a time, or so many a second.

    Raises AssertionError with the first reply that is not ok.
    """
    return asyncio.run(_run(port, topic, bodies, count, outstanding, a_second))


async def _run(
    port: int, topic: str, bodies: Iterator[bytes], count: int, outstanding: int, a_second: float | None
) -> Load:
    reply = f"recharge/v1/reply/{CLIENT}/{token_hex(4)}"
    loop = asyncio.get_running_loop()
    transport, connection = await loop.create_connection(
        lambda: Connection(topic, reply, bodies, count), HOST, port
    )
    await connection.subscribed.wait()
    begun = time.perf_counter()
    if a_second is None:
        connection.begin(outstanding)
    else:
        for number in range(count):
            await asyncio.sleep(begun + number / a_second - time.perf_counter())
            connection.send()
    await asyncio.wait_for(connection.done, DEADLINE)
    connection.load.seconds = time.perf_counter() - begun
    transport.close()
    return connection.load
