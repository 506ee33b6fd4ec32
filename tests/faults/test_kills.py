"""The service killed at random moments under load, and again while it recovers."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from time import sleep

import pytest

from tests.conftest import Scale
from tests.faults.checker import check_run
from tests.faults.load import Load
from tests.harness import Stack

IN_TURN = 25
"""Kills of one network; then the checker has its turn."""


@pytest.mark.timeout(3600)
def test_service_killed_at_random_moments(
    tmp_path: Path, scale: Scale, figure: Callable[[str], None]
) -> None:
    kills, again = scale(share=12, full=300), scale(share=4, full=100)
    answered = repeated = done = done_again = 0
    while done < kills or done_again < again:
        random = Random(done)
        stack = Stack(tmp_path / str(done), checkpoint_seconds="0.5")
        with stack:
            with Load(stack, seed=done) as load:
                for _ in range(min(IN_TURN, kills - done)):
                    sleep(random.uniform(0, 0.5))
                    stack.service.kill()
                    done += 1
                    if done_again * kills < again * done:
                        stack.service.start()
                        sleep(random.uniform(0.1, 0.8))
                        stack.service.kill()
                        done_again += 1
                    stack.start_service()
            stack.service.kill()
            check_run(load, stack.data_dir)
            answered += load.answered
            repeated += load.repeated
            stack.start_service()
    figure(
        f"service killed at random moments: {done}, and {done_again} times during recovery;"
        f" {answered} answers hold, {repeated} changes asked for twice took effect once"
    )
