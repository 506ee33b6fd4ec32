"""One of two brokers behind HAProxy is killed under load, again and again, and comes back without its memory.

Clients move to the other one. No answer is lost, and events are heard at one of the brokers at least.
"""

from collections.abc import Callable
from pathlib import Path
from random import Random
from time import sleep

import pytest

from tests.faults.checker import check_kept
from tests.faults.kept import kept_by
from tests.faults.load import Load
from tests.kit.balancer import MISSING, PROGRAM, BalancedSharedStack, BalancedStack
from tests.kit.mqtt import MqttConnection
from tests.kit.postgres import Postgres
from tests.kit.scale import Scale
from tests.kit.several_brokers import retained
from tests.kit.waiting import wait_until

SLOWLY = 0.2
"""Seconds between two requests of a vehicle. What a service has to tell of it waits until both
brokers have what another service told before."""

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=MISSING)


@pytest.mark.timeout(3600)
def test_one_of_two_brokers_killed(tmp_path: Path, scale: Scale, figure: Callable[[str], None]) -> None:
    count = scale(share=6, full=50)
    load = kill_in_turn(BalancedStack(tmp_path), count)
    figure(
        f"one of two brokers killed {count} times, its memory wiped: {load.answered} answers hold,"
        f" {load.repeated} changes asked for twice took effect once, and each event was heard"
    )


@pytest.mark.timeout(3600)
def test_one_of_two_brokers_of_services_on_postgresql_killed(
    tmp_path: Path, scale: Scale, figure: Callable[[str], None]
) -> None:
    count = scale(share=4, full=50)
    with Postgres(tmp_path / "postgres.log") as postgres:
        stack = BalancedSharedStack(tmp_path / "stack", state=postgres.new_database(), services=3)
        load = kill_in_turn(stack, count, pause=SLOWLY)
    figure(
        f"one of two brokers of three services on PostgreSQL killed {count} times, its memory wiped:"
        f" {load.answered} answers hold, {load.repeated} changes asked for twice took effect once, and each"
        " event was heard"
    )


def kill_in_turn(stack: BalancedStack, count: int, pause: float = 0.02) -> Load:
    """Kills the brokers under load, one after the other, wipes their memory, and checks the run."""
    random = Random(4)
    with stack:
        heard_at = [broker.address for broker in stack.brokers]
        with Load(stack, heard_at=heard_at, pause=pause) as load:
            for number in range(count):
                load.await_changes(5)
                wait_until(lambda: load.hears_all, "an event that one broker loses is heard at the other")
                sleep(random.uniform(0, 0.3))
                killed = stack.brokers[number % 2]
                killed.kill()
                load.await_changes(5)
                for file in (stack.folder / f"broker-{number % 2 + 1}").glob("*.db*"):
                    file.unlink()
                killed.start()
            load.await_changes(20)
        check_same_state(stack)
        check_kept(load, kept_by(stack))
        stack.stop()
        check_kept(load, kept_by(stack))
    return load


def check_same_state(stack: BalancedStack) -> None:
    """Raises AssertionError unless both brokers soon have the same retained state."""
    first, second = (MqttConnection(broker.port, "monitor") for broker in stack.brokers)
    with first, second:
        assert first.subscribe("recharge/v1/state/#") == second.subscribe("recharge/v1/state/#") == [True]
        wait_until(lambda: retained(first) and retained(first) == retained(second), "the states are equal")
