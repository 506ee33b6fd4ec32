"""The broker killed, the link to it cut, silent or slow, and processes stopped beyond their keep-alive."""

import os
import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random
from time import monotonic, sleep

import pytest

from cloud_service.mqtt.session import KEEP_ALIVE_SECONDS
from tests.faults.checker import check_state, stop_and_check
from tests.faults.fast_time import FastStack
from tests.faults.load import Load
from tests.faults.stories import summary
from tests.kit.processes import Stack
from tests.kit.relay import Relay, stack_behind_relay
from tests.kit.scale import Scale
from tests.kit.waiting import wait_until

Figure = Callable[[str], None]
PROCESSES = ("service", "gateway", "broker")
SILENCE = 2 * KEEP_ALIVE_SECONDS + 2
"""Seconds after which everybody must have noticed."""
WHOLE_JOURNAL = "1e6"
"""Seconds: the checker reads there what a killed broker has not delivered."""
EVERY = 5
"""How many faults before the load rests and the retained state is checked."""


@pytest.mark.timeout(3600)
def test_broker_killed_and_its_memory_wiped_in_half_of_the_cases(
    tmp_path: Path, scale: Scale, figure: Figure
) -> None:
    count = scale(share=6, full=100)
    random = Random(1)
    with FastStack(tmp_path, checkpoint_seconds=WHOLE_JOURNAL) as stack:
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
            load.await_happenings()
        stop_and_check(stack, load)
    figure(
        f"broker killed {count} times, its memory wiped in half of them: {load.answered} answers hold,"
        f" {load.repeated} changes asked for twice took effect once; state and presence were back each time;"
        f" {summary(load.happened)}"
    )


@pytest.mark.timeout(3600)
def test_link_cut(tmp_path: Path, scale: Scale, figure: Figure) -> None:
    count = scale(share=6, full=50)
    random = Random(2)
    with stack_behind_relay(tmp_path) as (stack, relay):
        with Load(stack) as load:
            for number in range(count):
                load.await_changes(3)
                sleep(random.uniform(0, 0.2))
                relay.cut()
                if number % EVERY == EVERY - 1:
                    with load.at_rest():
                        check_state(stack)
            load.await_changes(10)
        stop_and_check(stack, load)
    figure(f"link between broker and service cut {count} times: {load.answered} answers hold")


@pytest.mark.timeout(3600)
def test_link_slow(tmp_path: Path, scale: Scale, figure: Figure) -> None:
    count = scale(share=2, full=50)
    random = Random(3)
    with stack_behind_relay(tmp_path) as (stack, relay):
        with Load(stack) as load:
            for _ in range(count):
                relay.delay = random.uniform(0.1, 2.5)
                sleep(random.uniform(0.5, 4))
                relay.delay = 0.0
                load.await_changes(3)
        stop_and_check(stack, load)
    figure(f"link between broker and service slow {count} times: {load.answered} answers hold")


def await_changes_of_all(loads: dict[str, Load], more: int) -> None:
    for name, load in loads.items():
        load.await_changes(more)
        if name == "gateway":
            load.await_changes(more, of="legacy")


def let_all_be_silent(stacks: dict[str, Stack], relay: Relay) -> float:
    """Stops each network's process or link for longer than the keep-alive.

    Returns after how many seconds both ends of the link had noticed.
    """
    begun = monotonic()
    relay.silence()
    stopped = [getattr(stacks[name], name).pid for name in PROCESSES]
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    try:
        wait_until(lambda: not relay.faithful, "both have given the connection up")
        noticed = monotonic() - begun
        sleep(max(0, begun + SILENCE - monotonic()))
    finally:
        for pid in stopped:
            os.kill(pid, signal.SIGCONT)
    relay.mend()
    return noticed


@pytest.mark.timeout(7200)
def test_silence_for_longer_than_the_keep_alive(tmp_path: Path, scale: Scale, figure: Figure) -> None:
    """A process that is stopped, or a link through which nothing comes: only the keep-alive tells.

    Nearly all of it is waiting, so each has a network of its own, and all of them wait at the same time.
    """
    count = scale(share=1, full=50)
    longest = 0.0
    with ExitStack() as networks:
        stacks = {name: networks.enter_context(Stack(tmp_path / name)) for name in PROCESSES}
        stacks["link"], relay = networks.enter_context(stack_behind_relay(tmp_path / "link"))
        with ExitStack() as lives:
            loads = {
                name: lives.enter_context(Load(stack, chargers=1, vehicles=2, legacy=1, pause=0.2))
                for name, stack in stacks.items()
            }
            for _ in range(count):
                await_changes_of_all(loads, 3)
                longest = max(longest, let_all_be_silent(stacks, relay))
            await_changes_of_all(loads, 5)
        for name, stack in stacks.items():
            stop_and_check(stack, loads[name])
    for name in PROCESSES:
        figure(f"{name} stopped for {SILENCE} s, {count} times: {loads[name].answered} answers hold")
    figure(
        f"link between broker and service silent {count} times, noticed after {longest:.0f} s at the latest:"
        f" {loads['link'].answered} answers hold"
    )
