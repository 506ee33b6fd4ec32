"""Events while the link to the broker breaks and the service dies: none is forgotten, none is made up."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from random import Random
from time import sleep

import pytest

from tests.faults.checker import stop_and_check
from tests.faults.load import Load
from tests.faults.proxy import Proxy
from tests.faults.test_connections import stack_behind_proxy
from tests.kit.processes import Stack, wait_until
from tests.kit.scale import Scale

VEHICLES = 6


def await_waiting(load: Load) -> None:
    wait_until(lambda: len(load.record["invoked"]) > VEHICLES, "most clients wait for a reply")


def lose_what_is_sent(stack: Stack, proxy: Proxy, load: Load, random: Random) -> None:
    """The service has sent the events of some batches, of which the broker gets none, and dies."""
    proxy.delay_there = 5.0
    await_waiting(load)
    sleep(random.uniform(0, 0.1))
    proxy.cut()
    stack.service.kill()
    proxy.delay_there = 0.0
    stack.start_service()


def lose_two_connections(stack: Stack, proxy: Proxy, load: Load) -> None:
    """The service decides what came before its link was cut; the next connection ends before it is of use."""
    os.kill(stack.service.pid, signal.SIGSTOP)
    await_waiting(load)
    sleep(0.1)
    proxy.cut()
    proxy.delay = 0.5
    os.kill(stack.service.pid, signal.SIGCONT)
    wait_until(lambda: proxy.connected, "the service connects again")
    proxy.cut()
    proxy.delay = 0.0


@pytest.mark.timeout(3600)
def test_events_are_not_forgotten(tmp_path: Path, scale: Scale, figure: Callable[[str], None]) -> None:
    count = scale(share=4, full=50)
    random = Random(5)
    with stack_behind_proxy(tmp_path) as (stack, proxy):
        with Load(stack, vehicles=VEHICLES, legacy=1, pause=0.01) as load:
            for _ in range(count):
                lose_what_is_sent(stack, proxy, load, random)
                load.await_changes(5)
            for _ in range(count):  # not in between: at its next start a service tells what is still open
                lose_two_connections(stack, proxy, load)
                load.await_changes(5)
        stop_and_check(stack, load)
    assert load.listener is not None
    figure(
        f"events: {len(load.listener.heard)} told over {2 * count} broken links, in half of them to a service"
        " that was killed: each at least once, none of what did not happen"
    )
