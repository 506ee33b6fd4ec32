"""The broker killed, the link to it cut, silent or slow, and processes stopped beyond their keep-alive."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from time import monotonic, sleep

import pytest

from cloud_service.broker.paho_client import KEEP_ALIVE
from tests.conftest import Scale
from tests.faults.checker import check_state, stop_and_check
from tests.faults.load import Load
from tests.faults.proxy import Proxy
from tests.harness import Process, Stack, wait_until

Figure = Callable[[str], None]
EVERY = 5
"""After so many faults the load rests, and what is retained is looked at."""


@pytest.mark.timeout(3600)
def test_broker_killed_and_its_memory_wiped_in_half_of_the_cases(
    tmp_path: Path, scale: Scale, figure: Figure
) -> None:
    count = scale(share=6, full=100)
    random = Random(1)
    with Stack(tmp_path) as stack:
        with Load(stack, broker_killed=True) as load:
            for number in range(count):
                load.await_changes(5)
                sleep(random.uniform(0, 0.3))
                stack.broker.kill()
                if number % 2:
                    for file in (tmp_path / "broker").glob("*.db*"):
                        file.unlink()
                stack.broker.start()
                if number % EVERY == EVERY - 1:
                    load.await_changes(1, of="legacy")  # the gateway is back too
                    with load.at_rest():
                        check_state(stack)
            load.await_changes(20)
        stop_and_check(stack, load)
    figure(
        f"broker killed {count} times, its memory wiped in half of them: {load.answered} answers hold,"
        f" {load.repeated} changes asked for twice took effect once; state and presence were back each time"
    )


@contextmanager
def stack_behind_proxy(folder: Path) -> Iterator[tuple[Stack, Proxy]]:
    """The service reaches the broker through a link that can fail; everybody else reaches it directly."""
    stack = Stack(folder)
    with Proxy(stack.broker.port) as proxy:
        through = {**stack.environment, "RECHARGE_MQTT_PORT": str(proxy.port)}
        words = [sys.executable, "-m", "cloud_service", "service"]
        stack.service = Process("service", words, folder / "service.log", through)
        with stack:
            yield stack, proxy


@pytest.mark.timeout(3600)
def test_link_cut(tmp_path: Path, scale: Scale, figure: Figure) -> None:
    count = scale(share=6, full=50)
    random = Random(2)
    with stack_behind_proxy(tmp_path) as (stack, proxy):
        with Load(stack) as load:
            for number in range(count):
                load.await_changes(3)
                sleep(random.uniform(0, 0.2))
                proxy.cut()
                if number % EVERY == EVERY - 1:
                    with load.at_rest():
                        check_state(stack)
            load.await_changes(10)
        stop_and_check(stack, load)
    figure(f"link between broker and service cut {count} times: {load.answered} answers hold")


@pytest.mark.timeout(3600)
def test_link_slow(tmp_path: Path, scale: Scale, figure: Figure) -> None:
    count = scale(share=4, full=50)
    random = Random(3)
    with stack_behind_proxy(tmp_path) as (stack, proxy):
        with Load(stack) as load:
            for _ in range(count):
                proxy.delay = random.uniform(0.1, 2.5)
                sleep(random.uniform(0.5, 4))
                proxy.delay = 0.0
                load.await_changes(3)
        stop_and_check(stack, load)
    figure(f"link between broker and service slow {count} times: {load.answered} answers hold")


@pytest.mark.timeout(7200)
def test_link_silent(tmp_path: Path, scale: Scale, figure: Figure) -> None:
    """Nothing comes through, and nobody says so: only the keep-alive tells."""
    count = scale(share=1, full=50)
    longest = 0.0
    with stack_behind_proxy(tmp_path) as (stack, proxy):
        with Load(stack) as load:
            for _ in range(count):
                load.await_changes(3)
                proxy.silence()
                begun = monotonic()
                wait_until(lambda: not proxy.faithful, "both have given the connection up")
                longest = max(longest, monotonic() - begun)
                proxy.mend()
            load.await_changes(10)
        stop_and_check(stack, load)
    figure(
        f"link between broker and service silent {count} times, noticed after {longest:.0f} s at the latest:"
        f" {load.answered} answers hold"
    )


@pytest.mark.timeout(7200)
@pytest.mark.parametrize("name", ["service", "gateway", "broker"])
def test_process_stopped_for_longer_than_the_keep_alive(
    name: str, tmp_path: Path, scale: Scale, figure: Figure
) -> None:
    count = scale(share=0, full={"service": 30, "gateway": 10, "broker": 10}[name])
    if not count:
        pytest.skip("takes half a minute a time: only with --faults full")
    with Stack(tmp_path) as stack:
        process: Process = getattr(stack, name)
        with Load(stack) as load:
            for _ in range(count):
                load.await_changes(3)
                os.kill(process.pid, signal.SIGSTOP)
                sleep(2 * KEEP_ALIVE + 2)
                os.kill(process.pid, signal.SIGCONT)
            load.await_changes(10)
        stop_and_check(stack, load)
    figure(f"{name} stopped for {2 * KEEP_ALIVE + 2} s, {count} times: {load.answered} answers hold")
