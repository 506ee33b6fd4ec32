"""What the tests with real processes share."""

import os
from collections.abc import Callable, Iterator
from ctypes.util import find_library
from pathlib import Path

import pytest

from tests.faults.mounted_disk import Disk


@pytest.fixture
def new_disk() -> Iterator[Callable[[Path], Disk]]:
    """Makes a file system at a place, if this machine can."""
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
