"""Services that die after they have sent events, of which their broker gets none."""

from random import Random
from time import sleep

from tests.faults.load import Load
from tests.kit.processes import Stack
from tests.kit.relay import Relay
from tests.kit.shared_stack import SharedStack
from tests.kit.waiting import wait_until

VEHICLES = 6


def await_waiting(load: Load) -> None:
    wait_until(lambda: len(load.record["invoked"]) > VEHICLES, "most clients wait for a reply")


def lose_what_is_sent(stack: Stack, relay: Relay, load: Load, random: Random) -> None:
    """Services have sent the events of some batches, of which the broker gets none, and die."""
    services = stack.services if isinstance(stack, SharedStack) else [stack.service]
    relay.delay_there = 5.0
    await_waiting(load)
    sleep(random.uniform(0, 0.1))
    relay.cut()
    for service in services:
        service.kill()
    relay.delay_there = 0.0
    stack.start_service()
