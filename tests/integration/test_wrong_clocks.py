"""A client whose clock is nine seconds slow or fast, at a real broker with the real service."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from cloud_service.mqtt.requester import ClocksDiffer, Requester
from cloud_service.mqtt.version import Protocol
from cloud_service.protocol.errors import NotFound
from tests.kit.processes import Stack
from tests.kit.waiting import DEADLINE, until

FIND = ("findReservation", {"vid": "slow"})
SECONDS = 9.0
SHIFTED_CLOCK = """
import time
true_time = time.time
time.time = lambda: true_time() + {seconds}
"""


def clock(seconds: float) -> Callable[[], float]:
    return lambda: time.time() + seconds


@pytest.fixture
def slow_machine(stack: Stack, tmp_path: Path) -> Mapping[str, str]:
    """The environment of a command on a machine that is nine seconds slow."""
    (tmp_path / "sitecustomize.py").write_text(SHIFTED_CLOCK.format(seconds=-SECONDS))
    return {**stack.environment, "PYTHONPATH": str(tmp_path), "LANGUAGE": "en", "HOME": str(tmp_path)}


@pytest.mark.parametrize("seconds", [-SECONDS, SECONDS])
async def test_on_mqtt_5_a_wrong_clock_changes_nothing(stack: Stack, seconds: float) -> None:
    async with Requester(stack.address, "operator-clock", wall_clock=clock(seconds)) as requester:
        with pytest.raises(NotFound):
            await requester.request(*FIND)


async def test_on_mqtt_3_1_1_a_slow_clock_is_named_with_the_difference(stack: Stack) -> None:
    requester = Requester(stack.address, "operator-clock", protocol="mqtt311", wall_clock=clock(-SECONDS))
    async with requester:
        with pytest.raises(
            ClocksDiffer, match=r"clock is [6-9]\.\d s behind the service's.*or use MQTT 5"
        ) as caught:
            await requester.request(*FIND)
    # The service's message may have been under way for a while, which makes the difference look smaller.
    assert -SECONDS <= caught.value.ahead < -SECONDS + 3


async def test_on_mqtt_3_1_1_a_fast_clock_is_answered_and_warned_of(
    stack: Stack, caplog: pytest.LogCaptureFixture
) -> None:
    requester = Requester(stack.address, "operator-clock", protocol="mqtt311", wall_clock=clock(SECONDS))
    async with requester:
        with pytest.raises(NotFound):
            await requester.request(*FIND)
        await until(lambda: "ahead of the service's" in caplog.text)
    assert caplog.text.count("ahead of the service's") == 1


@pytest.mark.parametrize("protocol", ["mqtt5", "mqtt311"])
async def test_who_states_the_expiry_is_told_of_a_slow_clock(stack: Stack, protocol: Protocol) -> None:
    """As the gateway does, on MQTT 5 too."""
    requester = Requester(
        stack.address, "gateway-clock", protocol=protocol, wall_clock=clock(-SECONDS), states_expiry=True
    )
    async with requester:
        with pytest.raises(ClocksDiffer, match="set the clock"):
            await requester.request(*FIND)


async def test_clocks_that_agree_are_not_accused(stack: Stack, caplog: pytest.LogCaptureFixture) -> None:
    """A request that ends without a reply for another reason says nothing of clocks."""
    presences: list[object] = []
    requester = Requester(
        stack.address,
        "operator-clock",
        protocol="mqtt311",
        subscriptions=["recharge/v1/service/cloud_service"],
        on_message=presences.append,
    )
    async with requester:
        await until(lambda: len(presences) > 2)
    assert "clock" not in caplog.text


def test_a_command_on_a_slow_machine_is_answered_on_mqtt_5(slow_machine: Mapping[str, str]) -> None:
    done = run(slow_machine, "request", "findReservation", "vid=slow")
    assert done.stderr.startswith("recharge request: NOT_FOUND: ")


def test_a_vehicle_on_a_slow_machine_says_so_on_mqtt_3_1_1(slow_machine: Mapping[str, str]) -> None:
    done = run(
        slow_machine,
        *("vehicle", "--protocol", "mqtt311", "--yes", "--seed", "7", "--battery", "21"),
        *("--time-scale", "2000", "--name", "slow"),
    )
    assert done.returncode == 1
    assert "behind the service's" in done.stdout + done.stderr
    assert "or use MQTT 5" in done.stdout + done.stderr


def run(environment: Mapping[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "cloud_service", *words],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
