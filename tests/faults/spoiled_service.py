"""The cloud service with a folder that ends the process in the midst of an operation.

python -m tests.faults.spoiled_service NUMBER MOMENT: the process kills itself at the operation of this
number, from 1, `before` it, `after` it, or, where it is an append, `within` it. All else is the product.
"""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import NoReturn

from cloud_service import runtime
from cloud_service.__main__ import main
from cloud_service.store.filesystem import DiskFile, DiskFolder, File

MOMENTS = ("before", "within", "after")


def _end() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


class Countdown:
    """Counts operations down to the last one, of the service's thread and of its checkpoint's."""

    def __init__(self, number: int, moment: str) -> None:
        self.moment = moment
        self._left = number
        self._lock = Lock()

    @contextmanager
    def operation(self) -> Iterator[bool]:
        """Around each operation; tells whether it is the last."""
        with self._lock:
            self._left -= 1
            last = self._left == 0
        if last and self.moment == "before":
            _end()
        yield last
        if last:
            _end()


class MortalFile:
    def __init__(self, file: DiskFile, countdown: Countdown) -> None:
        self.size = file.size
        self._file = file
        self._countdown = countdown

    def append(self, data: bytes) -> int:
        with self._countdown.operation() as last:
            half = last and self._countdown.moment == "within"
            written = self._file.append(data[: len(data) // 2] if half else data)
        self.size = self._file.size
        return written

    def truncate(self, size: int) -> None:
        with self._countdown.operation():
            self._file.truncate(size)
        self.size = size

    def sync(self) -> None:
        with self._countdown.operation():
            self._file.sync()

    def close(self) -> None:
        self._file.close()


class MortalFolder(DiskFolder):
    def __init__(self, path: Path, countdown: Countdown) -> None:
        super().__init__(path)
        self._countdown = countdown

    def open(self, name: str) -> File:
        with self._countdown.operation():
            file = DiskFile(self.path / name)
        return MortalFile(file, self._countdown)

    def rename(self, old: str, new: str) -> None:
        with self._countdown.operation():
            super().rename(old, new)

    def remove(self, name: str) -> None:
        with self._countdown.operation():
            super().remove(name)

    def sync(self) -> None:
        with self._countdown.operation():
            super().sync()


if __name__ == "__main__":
    countdown = Countdown(int(sys.argv[1]), sys.argv[2])
    vars(runtime)["DiskFolder"] = lambda path: MortalFolder(path, countdown)
    sys.exit(main(["service"]))
