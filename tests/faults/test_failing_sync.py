"""A disk that fails to sync once: the service re-reads its folder and continues."""

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from cloud_service.mqtt.requester import Requester
from tests.faults.checker import check_state, stop_and_check
from tests.faults.crashing_service import spoiled
from tests.faults.load import Load
from tests.kit.processes import Stack
from tests.kit.scale import Scale
from tests.kit.waiting import wait_until

READ_AGAIN = "the store has been recovered, changes are accepted again"


@pytest.mark.timeout(1800)
def test_a_sync_that_fails(tmp_path: Path, scale: Scale, figure: Callable[[str], None]) -> None:
    """Half of them under load. The others while idle, so that no later change corrects the retained state."""
    count = scale(share=2, full=50)
    stack = Stack(tmp_path)
    stack.service = spoiled(stack, "sync", "failing", 1, log="service")
    times = 0

    def fail() -> None:
        nonlocal times
        times += 1
        os.kill(stack.service.pid, signal.SIGUSR1)

    def is_well() -> bool:
        return stack.service.log.read_text().count(READ_AGAIN) == times

    with stack:
        station = asyncio.run(_ask(stack, "newChargingStation", x_position=-1, y_position=10**6))
        point = {"chargingStationID": station, "power": 1, "kWhPrice": 0, "availability": "livre"}
        with Load(stack, chargers=1, vehicles=3, legacy=1) as load:
            for _ in range(count // 2):
                load.await_changes(10)
                fail()
                wait_until(is_well, "the folder was read again")
                load.await_changes(10)
                with load.at_rest():
                    fail()
                    asyncio.run(_ask(stack, "newChargingPoint", **point))
                    wait_until(is_well, "the folder was read again")
                    check_state(stack)
            load.await_changes(10)
        stop_and_check(stack, load)
    figure(
        f"a sync of the journal failed {times} times: recovered without help, the retained state is true;"
        f" {load.answered} answers hold"
    )


async def _ask(stack: Stack, action: str, **values: object) -> object:
    """Under one ID until there is an answer, as clients do."""
    async with Requester(stack.address, "owner") as owner:
        return await owner.request(action, values, timeout=30)
