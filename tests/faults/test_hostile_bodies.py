"""Hostile bodies over MQTT and TCP: nothing falls over, and who is well-behaved is served as before."""

import asyncio
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from random import Random

import pytest

from cloud_service.broker.address import BrokerAddress
from cloud_service.broker.asynchronous import AsyncConnection
from cloud_service.broker.requester import Requester
from cloud_service.protocol.messages import Message
from tests.conftest import Scale
from tests.faults.hostile import Hostile
from tests.harness import HOST, Stack

RATE = 1_000
"""Bodies a second over MQTT. More than the service takes would be a test of overload, which has its own."""


class Neighbour:
    """A well-behaved client who looks how long it waits."""

    def __init__(self, stack: Stack) -> None:
        self.seconds: list[float] = []
        self._stack = stack

    async def beside(self, attack: BaseProcess) -> None:
        """Asks for something every few milliseconds while the attack goes on, in a process of its own."""
        async with Requester(self._stack.address, "monitor") as requester:
            attack.start()
            while attack.is_alive():
                begun = time.monotonic()
                await requester.request("receiveAllChargingPoints", {"chargingStationID": 1})
                self.seconds.append(time.monotonic() - begun)
                await asyncio.sleep(0.02)
        assert attack.exitcode == 0

    def percentile(self, percent: int) -> float:
        """In milliseconds."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[len(ordered) * percent // 100]


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("protocol", ["MQTT", "TCP"])
def test_hostile_bodies(protocol: str, tmp_path: Path, scale: Scale, figure: Callable[[str], None]) -> None:
    count = scale(share=3_000, full=150_000)
    with Stack(tmp_path, log_level="warning") as stack:
        stack.recharge("request", "newChargingStation", "x_position=1", "y_position=1")
        pids = stack.service.pid, stack.gateway.pid
        neighbour = Neighbour(stack)
        arguments = (protocol, stack.mqtt_port if protocol == "MQTT" else stack.tcp_port, count)
        process = get_context("spawn").Process(target=attack, args=arguments, daemon=True)
        asyncio.run(neighbour.beside(process))
        assert pids == (stack.service.pid, stack.gateway.pid)
        assert stack.service.running
        assert stack.gateway.running
        for ours in (stack.service, stack.gateway):
            log = ours.log.read_text(errors="replace")
            assert "could not be decided" not in log
            assert "Traceback" not in log
        median, tail = neighbour.percentile(50), neighbour.percentile(99)
        assert tail < 1_000, f"others waited: p50 {median:.0f} ms, p99 {tail:.0f} ms"
    figure(
        f"{count} hostile bodies over {protocol}: no crash;"
        f" others meanwhile p50 {median:.1f} ms, p99 {tail:.1f} ms"
    )


def attack(protocol: str, port: int, count: int) -> None:
    """Sends so many hostile bodies: over TCP as fast as they are answered."""
    asyncio.run(_over_mqtt(port, count) if protocol == "MQTT" else _over_tcp(port, count))


async def _over_mqtt(port: int, count: int) -> None:
    hostile = Hostile(Random(count))
    room = asyncio.Semaphore(100)

    async def send(connection: AsyncConnection, message: Message) -> None:
        try:
            await connection.publish(message)
        finally:
            room.release()

    async with (
        AsyncConnection(BrokerAddress(HOST, port), "fuzzer") as connection,
        asyncio.TaskGroup() as tasks,
    ):
        begun = time.monotonic()
        for number in range(count):
            action = hostile.action()
            await asyncio.sleep(begun + number / RATE - time.monotonic())
            await room.acquire()
            message = Message(hostile.topic(action, "fuzzer"), hostile.body(action))
            tasks.create_task(send(connection, message))


async def _over_tcp(port: int, count: int) -> None:
    hostile = Hostile(Random(count))
    bodies = (hostile.body(hostile.action()) for _ in range(count))

    async def one_after_the_other() -> None:
        for body in bodies:
            await _send(port, body)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(20):
            tasks.create_task(one_after_the_other())


async def _send(port: int, body: bytes) -> None:
    """Sends, ends its side, and waits until the gateway has ended the other."""
    reader, writer = await asyncio.open_connection(HOST, port)
    connection: socket.socket = writer.get_extra_info("socket")
    # Without it, ports run out: closed connections keep theirs for a minute.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    with suppress(ConnectionError):
        writer.write(body)
        writer.write_eof()
        async with asyncio.timeout(60):
            await reader.read()
    writer.close()
