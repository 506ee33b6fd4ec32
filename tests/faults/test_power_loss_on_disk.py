"""Power loss under a real service: its data folder is a file system that forgets what was not synced."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from ctypes.util import find_library
from pathlib import Path
from random import Random
from time import sleep

import pytest

from tests.faults.checker import check_run, stop_and_check
from tests.faults.load import Load
from tests.kit.processes import Stack
from tests.kit.scale import Scale
from tests.kit.waiting import wait_until

IN_TURN = 50
"""Losses of one network; then the checker has its turn."""


class Disk:
    """The process that is the file system."""

    def __init__(self, place: Path) -> None:
        self.place = place
        place.mkdir(parents=True)
        words = [sys.executable, "-m", "tests.faults.fuse_disk", str(place)]
        complaints = place.with_suffix(".log")
        with complaints.open("w") as log:
            self._process = subprocess.Popen(
                words, stdout=subprocess.PIPE, stderr=log, text=True, cwd=Path(__file__).parents[2]
            )
        wait_until(lambda: place.is_mount() or self._process.poll() is not None, "it is mounted")
        if not self.mounted:
            self._give_up(complaints.read_text())

    @property
    def mounted(self) -> bool:
        return self.place.is_mount()

    def lose_power(self) -> None:
        """Forgets what was not synced, or a part of it. Nobody may use it at that moment."""
        self._process.send_signal(signal.SIGUSR1)
        self.place.is_mount()  # the signal is looked at with the next operation
        assert self._process.stdout is not None
        self._process.stdout.readline()

    def _give_up(self, complaint: str) -> None:
        """Skips where this machine lets nobody mount; anything else is a failure."""
        assert "not permitted" in complaint or "fusermount" in complaint, complaint
        pytest.skip("no FUSE file system may be mounted here")

    def close(self) -> None:
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.place)], check=True)
        self._process.terminate()
        self._process.communicate()


@pytest.fixture
def new_disk() -> Iterator[Callable[[Path], Disk]]:
    """Makes a file system at a place, where this machine can."""
    if not (find_library("fuse") or find_library("fuse3")):
        pytest.skip("libfuse is not installed: apt install libfuse2")
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("/dev/fuse cannot be used here")
    disks: list[Disk] = []

    def make(place: Path) -> Disk:
        disks.append(Disk(place))
        return disks[-1]

    yield make
    for disk in disks:
        disk.close()


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
