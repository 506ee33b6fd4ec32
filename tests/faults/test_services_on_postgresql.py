"""Services that share a database, killed under load: the others go on, and tell what the dead ones owed."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from time import sleep

import pytest

from tests.faults.checker import stop_and_check
from tests.faults.fast_time import FastSharedStack
from tests.faults.load import Load
from tests.faults.stories import summary
from tests.kit.postgres import Postgres
from tests.kit.scale import Scale

SERVICES = 4
IN_TURN = 50
"""Kills per network; then the checker runs."""


@pytest.mark.timeout(3600)
def test_services_killed_at_random_moments(
    tmp_path: Path, scale: Scale, figure: Callable[[str], None]
) -> None:
    """One service or several, now and then all of them."""
    kills = scale(share=12, full=200)
    answered = repeated = done = 0
    happened = Counter[str]()
    with Postgres(tmp_path / "postgres.log") as postgres:
        while done < kills:
            random = Random(done)
            last = min(done + IN_TURN, kills)
            folder = tmp_path / str(done)
            with FastSharedStack(folder, state=postgres.new_database(), services=SERVICES) as stack:
                with Load(stack, seed=done) as load:
                    while done < last:
                        done += kill_some(stack, random, last - done)
                        load.await_changes(5)
                    load.await_happenings()
                stop_and_check(stack, load)
                assert not failures(stack), "the database never failed"
                answered += load.answered
                repeated += load.repeated
                happened += load.happened
    figure(
        f"services on PostgreSQL, {SERVICES} of them, killed {done} times: {answered} answers hold,"
        f" {repeated} changes asked for twice took effect once; {summary(happened)}"
    )


def kill_some(stack: FastSharedStack, random: Random, most: int) -> int:
    """Kills services at a random moment, and starts them again. Returns how many."""
    number = min(most, random.choice((1, 1, 2, 3, SERVICES)))
    killed = random.sample(stack.services, number)
    sleep(random.uniform(0, 0.5))
    for service in killed:
        service.kill()
    sleep(random.uniform(0, 0.5))
    stack.start_others(killed)
    return number


def failures(stack: FastSharedStack) -> list[str]:
    """What services say of a database that failed, except that a busy machine was too slow for it."""
    lines = [line for service in stack.services for line in service.log.read_text().splitlines()]
    failed = [line for line in lines if "requests get STORAGE" in line]
    return [line for line in failed if "timeout" not in line and "no answer within" not in line]
