"""Floods over TCP: while they last, others are served within 100 ms; when they are over, memory is back."""

import asyncio
import resource
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

import pytest
from msgspec import Struct

from cloud_service.mqtt.requester import Requester
from cloud_service.protocol.errors import NotFound
from recharge import tcp as legacy
from recharge.errors import Refused
from tests.faults.flood_attacks import LASTING, POINTS, Progress, attack
from tests.kit.processes import Stack
from tests.kit.scale import Scale
from tests.kit.waiting import DEADLINE, wait_until

pytestmark = pytest.mark.alone

COUNTS = {
    "idle connections": (3_000, 5_000),
    "connections with a byte a second": (100, 1_000),
    "connections that never read": (20, 100),
    "connections cut in a request or a reply": (1_000, 20_000),
    "connections in a flood": (2_000, 50_000),
}
"""Of each attack's connections, in the share and in full."""
SAMPLES = 300
"""Of each neighbour's waits at the least: fewer, and the 99th percentile would be the worst of them."""
RETURNED = 20
"""MiB that may be in use more than before all attacks: Python and the C library keep some for the next."""
RETURNED_IN_SHARE = 30
"""The same if other work shares the machine: connections then end in any order, which scatters memory."""
TIDY = 180.0
"""Seconds: far more than the gateway's own interval, and than the idle timeout, whose timers it may keep."""


class Target(Struct):
    """A network, and what its gateway had of memory before all attacks, in MiB."""

    stack: Stack
    memory: float


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """A gateway that takes more connections than usual, may open as many files, and has been in use."""
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(16_384, before[1]), before[1]))
    folder = tmp_path_factory.mktemp("floods")
    with Stack(folder, tcp_max_connections="8000", tcp_idle_timeout="60", log_level="warning") as running:
        asyncio.run(_furnish(running))
        asyncio.run(_use(running))
        yield Target(running, _memory(running))
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


async def _furnish(stack: Stack) -> None:
    async with Requester(stack.address, "gateway-furnisher") as requester:
        for station, points in POINTS.items():
            await requester.request("newChargingStation", {"x_position": station, "y_position": 0})
            point = {"chargingStationID": station, "power": 22, "kWhPrice": 1, "availability": "livre"}
            await asyncio.gather(*(requester.request("newChargingPoint", point) for _ in range(points)))


async def _use(stack: Stack) -> None:
    for _ in range(300):
        await legacy.request("receiveAllChargingPoints", {"chargingStationID": 1}, port=stack.tcp_port)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("name", COUNTS)
def test_flood(name: str, target: Target, scale: Scale, figure: Callable[[str], None]) -> None:
    stack = target.stack
    share, full = COUNTS[name]
    count = scale(share=share, full=full)
    context = get_context("spawn")
    progress = Progress(context)
    process = context.Process(target=attack, args=(name, stack.tcp_port, count, progress), daemon=True)
    process.start()
    wait_until(progress.begun.is_set, "the attack has begun")
    seconds = scale(share=0, full=20)
    waits = asyncio.run(
        _neighbours(stack, lambda: process.is_alive() and not progress.complete.is_set(), seconds)
    )
    assert progress.complete.is_set()
    assert process.is_alive(), "the attack ended early"
    descriptors, most = _descriptors(stack), _memory(stack)
    assert descriptors >= count or name not in LASTING, f"{descriptors} descriptors: the attack is not there"
    progress.enough.set()
    process.join(DEADLINE)
    assert process.exitcode == 0
    wait_until(lambda: _descriptors(stack) < 50, "the gateway has closed all connections")
    bound = target.memory + scale(share=RETURNED_IN_SHARE, full=RETURNED)
    wait_until(lambda: _memory(stack) < bound, f"the gateway has less than {bound:.0f} MiB again", TIDY)
    tails = [1000 * sorted(each)[len(each) * 99 // 100] for each in waits]
    figure(
        f"{count} {name}: others' p99 {tails[0]:.1f} ms over TCP, {tails[1]:.1f} ms over MQTT;"
        f" memory of the gateway {target.memory:.0f} MiB before all attacks, {most:.0f} with this one,"
        f" {_memory(stack):.0f} after it"
    )
    assert max(tails) < scale(share=1_000, full=100), "others have to wait"


async def _neighbours(
    stack: Stack, growing: Callable[[], bool], seconds: float
) -> tuple[list[float], list[float]]:
    """How long well-behaved clients wait for their answers, over TCP and over MQTT.

    Until the attack no longer grows, this many seconds have passed, and there are enough samples.
    """
    end = time.monotonic() + seconds

    async def measure(ask: Callable[[], Awaitable[object]]) -> list[float]:
        waits: list[float] = []
        while growing() or len(waits) < SAMPLES or time.monotonic() < end:
            begun = time.monotonic()
            with suppress(Refused, NotFound):
                await ask()
            waits.append(time.monotonic() - begun)
            await asyncio.sleep(0.01)
        return waits

    async with Requester(stack.address, "vehicle") as vehicle, asyncio.timeout(300):
        tcp, mqtt = await asyncio.gather(
            measure(lambda: legacy.request("findReservation", {"vid": 1}, port=stack.tcp_port)),
            measure(lambda: vehicle.request("findReservation", {})),
        )
    return tcp, mqtt


def _memory(stack: Stack) -> float:
    """Of the gateway, in MiB."""
    pages = int(Path(f"/proc/{stack.gateway.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def _descriptors(stack: Stack) -> int:
    return sum(1 for _ in Path(f"/proc/{stack.gateway.pid}/fd").iterdir())
