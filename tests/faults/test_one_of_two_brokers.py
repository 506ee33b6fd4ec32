"""One of two brokers behind HAProxy is killed under load, again and again, and comes back without its memory.

Clients move to the other one. No answer is lost, and events are heard at one of the brokers at least.
"""

from collections.abc import Callable
from pathlib import Path
from random import Random
from time import sleep

import pytest

from tests.faults.checker import check_run
from tests.faults.load import Load
from tests.kit.balancer import MISSING, PROGRAM, BalancedStack
from tests.kit.mqtt import MqttConnection
from tests.kit.scale import Scale
from tests.kit.several_brokers import retained
from tests.kit.waiting import wait_until

pytestmark = pytest.mark.skipif(PROGRAM is None, reason=MISSING)


@pytest.mark.timeout(3600)
def test_one_of_two_brokers_killed(tmp_path: Path, scale: Scale, figure: Callable[[str], None]) -> None:
    count = scale(share=6, full=50)
    random = Random(4)
    with BalancedStack(tmp_path) as stack:
        with Load(stack, heard_at=[broker.address for broker in stack.brokers]) as load:
            for number in range(count):
                load.await_changes(5)
                wait_until(lambda: load.hears_all, "an event that one broker loses is heard at the other")
                sleep(random.uniform(0, 0.3))
                killed = stack.brokers[number % 2]
                killed.kill()
                load.await_changes(5)
                for file in (tmp_path / f"broker-{number % 2 + 1}").glob("*.db*"):
                    file.unlink()
                killed.start()
            load.await_changes(20)
        check_same_state(stack)
        check_run(load, stack.data_dir)
        stack.stop()
        check_run(load, stack.data_dir)
    figure(
        f"one of two brokers killed {count} times, its memory wiped: {load.answered} answers hold,"
        f" {load.repeated} changes asked for twice took effect once, and each event was heard"
    )


def check_same_state(stack: BalancedStack) -> None:
    """Raises AssertionError unless both brokers soon have the same retained state."""
    first, second = (MqttConnection(broker.port, "monitor") for broker in stack.brokers)
    with first, second:
        assert first.subscribe("recharge/v1/state/#") == second.subscribe("recharge/v1/state/#") == [True]
        wait_until(lambda: retained(first) and retained(first) == retained(second), "the states are equal")
