"""Events over broken links, half of them with the service killed: none is lost, none is made up."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from random import Random
from time import sleep

import pytest

from tests.faults.checker import stop_and_check
from tests.faults.load import Load
from tests.faults.lost_events import VEHICLES, await_waiting, lose_what_is_sent
from tests.kit.processes import Stack
from tests.kit.relay import Relay, shared_stack_behind_relay, stack_behind_relay
from tests.kit.scale import Scale
from tests.kit.waiting import wait_until


def lose_two_connections(stack: Stack, relay: Relay, load: Load) -> None:
    """The service decides what came before its link was cut; the next connection ends before it is ready."""
    os.kill(stack.service.pid, signal.SIGSTOP)
    await_waiting(load)
    sleep(0.1)
    relay.cut()
    relay.delay = 0.5
    os.kill(stack.service.pid, signal.SIGCONT)
    wait_until(lambda: relay.connected, "the service connects again")
    relay.cut()
    relay.delay = 0.0


@pytest.mark.timeout(3600)
def test_events_are_not_forgotten(tmp_path: Path, scale: Scale, figure: Callable[[str], None]) -> None:
    count = scale(share=4, full=50)
    random = Random(5)
    with stack_behind_relay(tmp_path) as (stack, relay):
        with Load(stack, vehicles=VEHICLES, legacy=1, pause=0.01) as load:
            for _ in range(count):
                lose_what_is_sent(stack, relay, load, random)
                load.await_changes(5)
            for _ in range(count):  # not in between: a service sends what is still pending at its next start
                lose_two_connections(stack, relay, load)
                load.await_changes(5)
        stop_and_check(stack, load)
    figure(
        f"events: {len(load.listener.heard)} received over {2 * count} broken links,"
        " half of them with the service killed: each at least once, none of what did not happen"
    )


@pytest.mark.timeout(3600)
def test_events_of_services_on_postgresql_are_not_forgotten(
    tmp_path: Path, scale: Scale, figure: Callable[[str], None]
) -> None:
    """All of them die, so what they owed is told by those that come after them."""
    count = scale(share=3, full=50)
    random = Random(6)
    with shared_stack_behind_relay(tmp_path) as (stack, relay):
        with Load(stack, vehicles=VEHICLES, legacy=1, pause=0.01) as load:
            for _ in range(count):
                lose_what_is_sent(stack, relay, load, random)
                load.await_changes(5)
        stop_and_check(stack, load)
    figure(
        f"events: {len(load.listener.heard)} received from services on PostgreSQL, all of them killed {count}"
        " times: each at least once, none of what did not happen"
    )
