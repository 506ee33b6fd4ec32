"""A large network starts and stops in time, and a service asked to stop first answers what it admitted."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from signal import SIGTERM

import msgspec
import pytest

from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message
from cloud_service.protocol.replies import decode_reply
from tests.benchmarks.start_and_stop import describe, measure
from tests.kit.pausing import paused
from tests.kit.processes import Stack
from tests.kit.scale import Scale
from tests.kit.waiting import DEADLINE, until

pytestmark = pytest.mark.alone

NAME = "asker"


@pytest.mark.timeout(600)
def test_a_large_network(tmp_path: Path, scale: Scale, figure: Callable[[str], None]) -> None:
    if not scale.full:
        pytest.skip("a small network says nothing about time: only with --faults full")
    stations = 100_000
    times = measure(tmp_path, stations, 2 * stations, stations)
    figure(
        f"{stations} stations, {4 * stations} points, {2 * stations} reservations, {stations} journal lines"
    )
    for line in describe(times):
        figure(line)
    assert times.start < 10
    assert max(times.stop_at_rest, times.stop_while_telling, times.stop_in_checkpoint) < 5


def test_sigterm_answers_what_was_admitted(tmp_path: Path, figure: Callable[[str], None]) -> None:
    """The signal comes with the first reply of thousands; what was not read yet waits at the broker."""
    count = 5_000
    with Stack(tmp_path, pending_per_client=str(count)) as stack:
        asker = Asker(stack, count)
        asyncio.run(asker.run())
        log = stack.service.log.read_text()
    late = log.partition(" stopping\n")[2].partition(" stopped;")[0].count("request ")
    assert late > 0, "no admitted request was answered"
    assert sorted(asker.results) == list(range(count))
    assert len(set(asker.results.values())) == count, "a request took effect twice"
    figure(
        f"SIGTERM at the first of {count} replies: {late} more were answered, the rest after the next start"
    )


class Asker:
    """One account whose requests are at the service, or on their way there, when it is asked to end."""

    def __init__(self, stack: Stack, count: int) -> None:
        self.results: dict[int, int] = {}
        self._stack = stack
        self._count = count
        self._farewell = asyncio.Event()

    async def run(self) -> None:
        """Ends the service, starts it again, and waits until each request has its reply."""
        topics_heard = [topics.reply(NAME), topics.service("cloud_service")]
        connection = AsyncConnection(
            self._stack.address, NAME, subscriptions=topics_heard, on_message=self._receive
        )
        async with connection, asyncio.timeout(DEADLINE):
            with paused(self._stack.service):
                await asyncio.gather(*(connection.publish(_request(number)) for number in range(self._count)))
            await until(lambda: bool(self.results))
            os.kill(self._stack.service.pid, SIGTERM)
            await until(lambda: not self._stack.service.running)
            await self._farewell.wait()  # behind all replies
            assert len(self.results) < self._count, "nothing was left to be answered"
            self._stack.service.start()
            await until(lambda: len(self.results) == self._count)

    def _receive(self, message: Message) -> None:
        if message.topic != topics.reply(NAME):
            delivered = msgspec.json.decode(message.payload)
            if not delivered["online"] and delivered["now"] > delivered["since"]:
                self._farewell.set()
            return
        assert message.correlation is not None
        reply = decode_reply(message.payload)
        assert reply.error is None, reply.error
        assert self.results.setdefault(int(message.correlation), reply.result) == reply.result


def _request(number: int) -> Message:
    body = msgspec.json.encode({"x_position": number, "y_position": 0})
    return Message(topics.request("newChargingStation", NAME), body, correlation=b"%d" % number)
