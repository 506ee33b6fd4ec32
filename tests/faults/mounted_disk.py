"""A mounted file system that loses power: the process of fuse_disk.py."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.kit.waiting import wait_until


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
        """Skips if this machine lets nobody mount; anything else is a failure."""
        assert "not permitted" in complaint or "fusermount" in complaint, complaint
        pytest.skip("no FUSE file system may be mounted here")

    def close(self) -> None:
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.place)], check=True)
        self._process.terminate()
        self._process.communicate()
