"""Hostile bodies over MQTT and TCP: each is answered, nothing falls over, and others are served as before."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from multiprocessing.queues import Queue
from pathlib import Path

import pytest

from cloud_service.mqtt.requester import Requester
from cloud_service.protocol import topics
from cloud_service.protocol.errors import ERRORS
from cloud_service.protocol.messages import Message
from tests.faults.hostile import OTHERS_STATION, OWN_POINT, OWN_STATION, is_request
from tests.faults.hostile_attack import NAME, NO_ANSWER, attack, bodies_over_tcp, messages
from tests.kit.processes import Stack
from tests.kit.scale import Scale

pytestmark = pytest.mark.alone

SOUND_ENOUGH = 0.05
"""The share of bodies that has to get past all readers, so that handlers and replies are tried too."""
DECIDED = {"ok", "NOT_FOUND", "FORBIDDEN", "CONFLICT"}


class Neighbour:
    """A well-behaved client who looks how long it waits."""

    def __init__(self, stack: Stack) -> None:
        self.seconds: list[float] = []
        self._stack = stack

    async def beside(self, attack: BaseProcess) -> None:
        """Asks for something every few milliseconds while the attack runs in a separate process."""
        async with Requester(self._stack.address, "monitor") as requester:
            attack.start()
            while attack.is_alive():
                begun = time.monotonic()
                await requester.request("receiveAllChargingPoints", {"chargingStationID": OTHERS_STATION})
                self.seconds.append(time.monotonic() - begun)
                await asyncio.sleep(0.02)
        assert attack.exitcode == 0

    def percentile(self, percent: int) -> float:
        """In milliseconds."""
        ordered = sorted(self.seconds)
        return 1000 * ordered[len(ordered) * percent // 100]


@pytest.mark.timeout(3600)
def test_hostile_bodies_over_mqtt(tmp_path: Path, scale: Scale, figure: Callable[[str], None]) -> None:
    count = scale(share=3_000, full=150_000)
    with _unharmed(tmp_path, NAME) as stack:
        answers, waits = _attacked(stack, "MQTT", stack.mqtt_port, count)
    answerable = [message for message in messages(count) if topics.parse_request(message.topic) is not None]
    certain = sum(_is_answered(message) for message in answerable)
    assert certain <= answers.total() <= len(answerable), f"{answers} to {certain} bodies or more"
    assert set(answers) <= set(ERRORS) - {"INTERNAL", "STORAGE"} | {"ok"}, answers
    decided = sum(answers[status] for status in DECIDED)
    assert decided > SOUND_ENOUGH * count, f"few of {count} bodies got past the readers: {answers}"
    figure(
        f"{count} hostile bodies over MQTT: no crash; {answers.total()} replies, none of them INTERNAL,"
        f" {decided} of them to requests that were sound enough to be decided; {waits}"
    )


@pytest.mark.timeout(3600)
def test_hostile_bodies_over_tcp(tmp_path: Path, scale: Scale, figure: Callable[[str], None]) -> None:
    count = scale(share=3_000, full=150_000)
    with _unharmed(tmp_path, "gateway-fuzzer") as stack:
        answers, waits = _attacked(stack, "TCP", stack.tcp_port, count)
    sound = sum(is_request(body) for body in bodies_over_tcp(count))
    assert sound > SOUND_ENOUGH * count, f"few of {count} bodies reach the service"
    assert not answers[NO_ANSWER], f"connections ended without an answer: {answers}"
    results = answers.total() - answers["None"]
    assert results > SOUND_ENOUGH * sound, f"few of {sound} sound requests got a result: {answers}"
    figure(
        f"{count} hostile bodies over TCP: no crash; {sound} of them went on to the service;"
        f" none without an answer, {results} with a result; {waits}"
    )


@contextmanager
def _unharmed(folder: Path, owner: str) -> Iterator[Stack]:
    """A network in which the fuzzer has a station with a point. It has to be well to the end."""
    with Stack(folder, log_level="warning") as stack:
        asyncio.run(_furnish(stack, owner))
        pids = stack.service.pid, stack.gateway.pid
        yield stack
        assert pids == (stack.service.pid, stack.gateway.pid)
        for ours in (stack.service, stack.gateway):
            ours.check()
            log = ours.log.read_text(errors="replace")
            assert "could not be" not in log
            assert "Traceback" not in log


async def _furnish(stack: Stack, owner: str) -> None:
    async with Requester(stack.address, "operator") as other, Requester(stack.address, owner) as own:
        place = {"x_position": 100, "y_position": 100}
        assert await other.request("newChargingStation", place) == OTHERS_STATION
        assert await own.request("newChargingStation", {"x_position": 1, "y_position": 2.5}) == OWN_STATION
        point = {"chargingStationID": OWN_STATION, "power": 22, "kWhPrice": 1, "availability": "livre"}
        assert await own.request("newChargingPoint", point) == OWN_POINT


def _attacked(stack: Stack, protocol: str, port: int, count: int) -> tuple[Counter[str], str]:
    """The answers to the attack, and how long another client waited meanwhile."""
    context = get_context("spawn")
    answers: Queue[Counter[str]] = context.Queue()
    process = context.Process(target=attack, args=(protocol, port, count, answers), daemon=True)
    neighbour = Neighbour(stack)
    asyncio.run(neighbour.beside(process))
    waits = f"others meanwhile p50 {neighbour.percentile(50):.1f} ms, p99 {neighbour.percentile(99):.1f} ms"
    assert neighbour.percentile(99) < 1_000, waits
    return answers.get(), waits


def _is_answered(message: Message) -> bool:
    """Whether nothing in a body on a request topic allows that it gets no reply."""
    return b"replyTo" not in message.payload and b"expiresAt" not in message.payload
