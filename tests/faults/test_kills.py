"""The service killed under load: at random moments, while it recovers, at each operation on its folder."""

import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from time import sleep

import pytest

from tests.conftest import Scale
from tests.faults.checker import check_run
from tests.faults.load import Load
from tests.faults.spoiled_service import MOMENTS
from tests.harness import Process, Stack, wait_until

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


def run_until_killed(stack: Stack, load: Load, number: int, moment: str) -> None:
    """Runs a service that ends at the operation of this number on its folder."""
    root = str(Path(__file__).parents[2])
    words = [sys.executable, "-m", "tests.faults.spoiled_service", str(number), moment]
    environment = {**stack.environment, "PYTHONPATH": root}
    mortal = Process("mortal service", words, stack.folder / "mortal.log", environment)
    mortal.start()

    def ended() -> bool:
        load.check()
        return not mortal.running

    wait_until(ended, f"it ends {moment} operation {number}")
    assert "Traceback" not in mortal.tail(), mortal.tail()


@pytest.mark.timeout(7200)
def test_service_killed_at_each_operation_on_its_folder(
    tmp_path: Path, scale: Scale, figure: Callable[[str], None]
) -> None:
    """From the first operation to and beyond many checkpoints: before, within and after each.

    Only an append has a within; the other operations end whole.
    """
    count = scale(share=21, full=1_002)
    points = [(number, moment) for number in range(1, 1 + count // 3) for moment in MOMENTS]
    if not scale.full:
        points = [(5 * number - 4, moment) for number, moment in points]
    answered = 0
    for first in range(0, len(points), 100):
        stack = Stack(tmp_path / str(first), checkpoint_seconds="0.2")
        with stack:
            with Load(stack, seed=first, pause=0.005) as load:
                stack.service.kill()
                for number, moment in points[first : first + 100]:
                    run_until_killed(stack, load, number, moment)
                stack.start_service()
            stack.service.kill()
            check_run(load, stack.data_dir)
            answered += load.answered
            stack.start_service()
    figure(
        f"service killed at each operation on its folder, before, within and after: {len(points)} points;"
        f" {answered} answers hold"
    )
