"""Power loss under a real service: its data folder is a file system that forgets what was not synced."""

from collections.abc import Callable
from pathlib import Path
from random import Random
from time import sleep

import pytest

from tests.faults.checker import check_run, stop_and_check
from tests.faults.load import Load
from tests.faults.mounted_disk import Disk
from tests.kit.processes import Stack
from tests.kit.scale import Scale

IN_TURN = 50
"""Losses per network; then the checker runs."""


@pytest.mark.timeout(3600)
def test_power_loss(
    new_disk: Callable[[Path], Disk], tmp_path: Path, scale: Scale, figure: Callable[[str], None]
) -> None:
    count = scale(share=6, full=500)
    answered = repeated = done = 0
    while done < count:
        random = Random(done)
        stack = Stack(tmp_path / str(done), checkpoint_seconds="0.5")
        disk = new_disk(stack.data_dir)
        with stack:
            with Load(stack, seed=done) as load:
                for _ in range(min(IN_TURN, count - done)):
                    sleep(random.uniform(0, 0.6))
                    load.check()
                    stack.service.kill()
                    disk.lose_power()
                    stack.start_service()
                    done += 1
            stack.service.kill()
            disk.lose_power()
            check_run(load, stack.data_dir)
            answered += load.answered
            repeated += load.repeated
            stack.start_service()
            stop_and_check(stack, load)
    figure(
        f"power loss on a file system: {done}; {answered} answers hold,"
        f" {repeated} changes asked for twice took effect once"
    )
