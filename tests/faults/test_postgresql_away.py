"""The database killed under load, its standby promoted, and the services' links to it cut or silent.

While it is away, each request is refused with STORAGE within seconds. Then all goes on by itself.
"""

import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from random import Random
from time import sleep

import pytest

from cloud_service.database.connection import ANSWER_SECONDS
from tests.faults.checker import check_state, stop_and_check
from tests.faults.fast_time import FastSharedStack
from tests.faults.load import Load
from tests.faults.stories import summary
from tests.kit.mqtt import MqttClient
from tests.kit.postgres import Postgres
from tests.kit.processes import HOST, Stack
from tests.kit.relay import Relay
from tests.kit.scale import Scale
from tests.kit.shared_stack import SharedStack

Figure = Callable[[str], None]
SERVICES = 3
SECONDS = 3 * ANSWER_SECONDS
"""The longest that an answer may take while the database is away."""
EVERY = 10
"""How many faults before the load rests and the retained state is checked."""


@pytest.mark.timeout(3600)
def test_database_killed(tmp_path: Path, scale: Scale, figure: Figure) -> None:
    count = scale(share=4, full=50)
    random = Random(5)
    slowest = 0.0
    with (
        Postgres(tmp_path / "postgres.log") as postgres,
        FastSharedStack(tmp_path / "stack", state=postgres.new_database(), services=SERVICES) as stack,
    ):
        with Load(stack) as load:
            for number in range(count):
                load.await_changes(5)
                sleep(random.uniform(0, 0.5))
                postgres.kill()
                slowest = max(slowest, seconds_to_refuse(stack))
                postgres.start()
                check_now_and_then(number, stack, load)
            load.await_changes(20)
            load.await_happenings()
        stop_and_check(stack, load)
    figure(
        f"database killed {count} times: STORAGE after {slowest:.1f} s at the latest; {load.answered} answers"
        f" hold, {load.repeated} changes asked for twice took effect once; {summary(load.happened)}"
    )


@pytest.mark.timeout(3600)
def test_failover_to_a_standby(tmp_path: Path, scale: Scale, figure: Figure) -> None:
    """The primary is killed and its synchronous standby promoted; then the two change their roles."""
    count = scale(share=2, full=20)
    random = Random(7)
    slowest = 0.0
    with Postgres(tmp_path / "postgres-1.log") as primary, ExitStack() as not_started:
        standby = Postgres(tmp_path / "postgres-2.log")
        not_started.push(standby)
        address = primary.new_database()
        both = address.replace(f":{primary.port}", f":{primary.port},{HOST}:{standby.port}")
        with FastSharedStack(tmp_path / "stack", state=both, services=SERVICES) as stack:
            with Load(stack) as load:
                for number in range(count):
                    standby.follow(primary)
                    load.await_changes(5)
                    sleep(random.uniform(0, 0.5))
                    primary.kill()
                    slowest = max(slowest, seconds_to_refuse(stack))
                    standby.promote()
                    primary, standby = standby, primary
                    check_now_and_then(number, stack, load)
                load.await_changes(20)
                load.await_happenings()
            stop_and_check(stack, load)
    figure(
        f"failover to a synchronous standby {count} times: STORAGE after {slowest:.1f} s at the latest;"
        f" {load.answered} answers hold, {load.repeated} changes asked for twice took effect once;"
        f" {summary(load.happened)}"
    )


@pytest.mark.timeout(3600)
def test_links_to_the_database_cut(tmp_path: Path, scale: Scale, figure: Figure) -> None:
    count = scale(share=6, full=50)
    load = trouble_links(tmp_path, count, lambda stack, relay: relay.cut())
    figure(
        f"links between services and their database cut {count} times: {load.answered} answers hold,"
        f" {load.repeated} changes asked for twice took effect once"
    )


@pytest.mark.timeout(3600)
def test_links_to_the_database_half_open(tmp_path: Path, scale: Scale, figure: Figure) -> None:
    """Nothing comes through them any more, not even their end."""
    count = scale(share=1, full=50)
    seconds: list[float] = []

    def fall_silent(stack: SharedStack, relay: Relay) -> None:
        relay.silence()
        seconds.append(seconds_to_refuse(stack))
        relay.mend()

    load = trouble_links(tmp_path, count, fall_silent)
    figure(
        f"links between services and their database half-open {count} times: STORAGE after"
        f" {max(seconds):.1f} s at the latest; {load.answered} answers hold, {load.repeated} changes asked"
        " for twice took effect once"
    )


def trouble_links(folder: Path, count: int, trouble: Callable[[SharedStack, Relay], None]) -> Load:
    """Runs a load while the links between services and their database have trouble, and checks the run."""
    random = Random(6)
    with Postgres(folder / "postgres.log") as postgres, Relay(postgres.port) as relay:
        address = postgres.new_database()
        through = address.replace(str(postgres.port), str(relay.port))
        with SharedStack(folder / "stack", state=address, through=through, services=SERVICES) as stack:
            with Load(stack) as load:
                for number in range(count):
                    load.await_changes(5)
                    sleep(random.uniform(0, 0.3))
                    trouble(stack, relay)
                    check_now_and_then(number, stack, load)
                load.await_changes(20)
            stop_and_check(stack, load)
    return load


def seconds_to_refuse(stack: Stack) -> float:
    """How long the slowest answer takes while the database is away. All services are asked."""
    slowest = 0.0
    with MqttClient(stack.mqtt_port, "asks-meanwhile") as client:
        for _ in range(2 * SERVICES):
            begun = time.monotonic()
            assert client.outcome("findReservation") == "STORAGE"
            slowest = max(slowest, time.monotonic() - begun)
    assert slowest < SECONDS
    return slowest


def check_now_and_then(number: int, stack: Stack, load: Load) -> None:
    """After some of the faults, checks that what is retained is true again."""
    if number % EVERY == EVERY - 1:
        load.await_changes(1, of="legacy")
        with load.at_rest():
            check_state(stack)
