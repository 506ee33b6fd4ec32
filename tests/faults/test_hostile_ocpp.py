"""Hostile frames over OCPP: the gateway lives, keeps no memory of them, and others are served as before."""

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.queues import Queue
from pathlib import Path

import pytest

from cloud_service.protocol import ocpp
from tests.faults.hostile_ocpp_attack import attack, chargers, identity
from tests.kit.mqtt import MqttConnection
from tests.kit.ocpp import OcppGatewayProcess, connected
from tests.kit.ocpp_site import Site
from tests.kit.processes import Stack
from tests.kit.scale import Scale
from tests.kit.waiting import wait_until

pytestmark = pytest.mark.alone

PLACE = b'{"x_position": %d, "y_position": 9, "points": [{"connector": 1, "power": 22, "kWhPrice": 1}]}'
MORE = 25
"""MiB that a second attack may leave in use beyond the first: Python keeps some for the next frames."""
LEAST_ANSWERED = 0.3
"""The share of frames that get past all readers, so that what is behind them is tried too."""
LARGEST_LOG = 2_000_000


@pytest.mark.timeout(1200)
def test_hostile_frames(tmp_path: Path, scale: Scale, figure: Callable[[str], None]) -> None:
    """Twice: the first attack has the gateway read all schemas, of which it keeps what it has read."""
    count = scale(share=900, full=10_000)
    with Stack(tmp_path) as stack, OcppGatewayProcess(stack) as gateway:
        _give_places(stack, count)
        site = Site(stack)
        site.add()
        asyncio.run(_attacked(gateway, site, count, 1))
        before, pid = gateway.memory(), gateway.pid
        seen, waits = asyncio.run(_attacked(gateway, site, count, 2))
        assert gateway.pid == pid
        wait_until(lambda: gateway.memory() < before + MORE, f"no more than {MORE} MiB are kept")
        after = gateway.memory()
    log = gateway.log.read_text(errors="replace")
    assert len(log) < LARGEST_LOG, "the log has no bound"
    assert seen["sent"] == count
    assert not seen["closed with 1011"], seen
    assert seen["closed with 1009"], f"none was too large: {seen}"
    errors = sum(number for what, number in seen.items() if what.startswith("answer "))
    assert seen["answer"] > LEAST_ANSWERED * count, seen
    figure(
        f"{count} hostile frames over OCPP by {chargers(count)} chargers, twice: no crash;"
        f" {seen['answer']} answers and {errors} errors of OCPP the second time,"
        f" {seen['closed with 1009']} connections ended for their size;"
        f" 99 of 100 answers to a charger beside them came within"
        f" {1000 * sorted(waits)[len(waits) * 99 // 100]:.0f} ms;"
        f" memory of the gateway {before:.0f} MiB after the first, {after:.0f} after the second"
    )


def _give_places(stack: Stack, count: int) -> None:
    """To every second hostile charger: what the others send has no effect."""
    with MqttConnection(stack.mqtt_port, "operator") as operator:
        for number in range(0, chargers(count), 2):
            operator.publish(ocpp.place(identity(number)), PLACE % (50_000 + number), retain=True)


async def _attacked(
    gateway: OcppGatewayProcess, site: Site, count: int, seed: int
) -> tuple[Counter[str], list[float]]:
    """What the attack has seen, and how long a charger beside it waited for its answers."""
    context = get_context("spawn")
    answers: Queue[Counter[str]] = context.Queue()
    process = context.Process(target=attack, args=(gateway.url, count, seed, answers), daemon=True)
    waits: list[float] = []
    async with connected(gateway, site.identity, "1.6") as charger:
        assert await charger.boot() == "Accepted"
        transaction = await charger.start("somebody", 0)
        assert transaction is not None
        process.start()
        while process.is_alive():
            begun = time.monotonic()
            await charger.measure(transaction, len(waits), 7_000)
            waits.append(time.monotonic() - begun)
            await asyncio.sleep(0.05)
        assert process.exitcode == 0
        await charger.stop(transaction, len(waits))
    return await asyncio.to_thread(answers.get), waits
