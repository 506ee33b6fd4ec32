"""What real chargers do that OCPP does not foresee: they are served all the same."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.kit.ocpp import OcppGatewayProcess
from tests.kit.ocpp_wire import BOOT, wired
from tests.kit.processes import Stack, free_port
from tests.kit.scraping import wait_for_sample

MESSAGES = "recharge_ocpp_messages_total"


@pytest.fixture(scope="module")
def metrics_port() -> int:
    return free_port()


@pytest.fixture(scope="module")
def gateway(stack: Stack, metrics_port: int) -> Iterator[OcppGatewayProcess]:
    with OcppGatewayProcess(stack, metrics_port=str(metrics_port)) as process:
        yield process


async def test_messages_are_counted(gateway: OcppGatewayProcess, metrics_port: int) -> None:
    async with wired(gateway, "post-counted") as charger:
        for _ in range(2):
            await charger.call("BootNotification", BOOT, "the same")
        assert await charger.call("Dance", {}) == "NotImplemented"
        await charger.send('[2, "torn", "Heartb')
        await charger.call("Heartbeat", {})
        found = await asyncio.to_thread(
            wait_for_sample, metrics_port, MESSAGES, 1, action="Heartbeat", outcome="ok"
        )
    assert found(MESSAGES, action="BootNotification", outcome="ok") == 2
    assert found(MESSAGES, action="none", outcome="NotImplemented") == 1
    assert found(MESSAGES, action="none", outcome="FormationViolation") == 1
    assert ("action", "Dance") not in found.labels()
