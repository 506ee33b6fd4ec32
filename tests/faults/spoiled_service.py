"""The cloud service with a folder that ends the process in the midst of an operation.

python -m tests.faults.spoiled_service NUMBER MOMENT: the process kills itself at the operation of this
number, from 1, `before` it, `after` it, or, where it is an append, `within` it. All else is the product.
"""

import os
import signal
import sys
from pathlib import Path
from typing import NoReturn

from cloud_service import runtime
from cloud_service.__main__ import main
from cloud_service.store.filesystem import DiskFile, DiskFolder, File

MOMENTS = ("before", "within", "after")


def _end() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


class Countdown:
    """Counts operations down to the last one."""

    def __init__(self, number: int, moment: str) -> None:
        self._left = number
        self._moment = moment

    def before(self) -> bool:
        """Whether this is the operation to be cut in two. Ends the process where it is to end before it."""
        self._left -= 1
        if self._left == 0 and self._moment == "before":
            _end()
        return self._left == 0 and self._moment == "within"

    def after(self) -> None:
        if self._left == 0:
            _end()


class MortalFile:
    def __init__(self, file: DiskFile, countdown: Countdown) -> None:
        self.size = file.size
        self._file = file
        self._countdown = countdown

    def append(self, data: bytes) -> int:
        if self._countdown.before():
            self._file.append(data[: len(data) // 2])
            _end()
        written = self._file.append(data)
        self.size = self._file.size
        self._countdown.after()
        return written

    def truncate(self, size: int) -> None:
        self._countdown.before()
        self._file.truncate(size)
        self.size = size
        self._countdown.after()

    def sync(self) -> None:
        self._countdown.before()
        self._file.sync()
        self._countdown.after()

    def close(self) -> None:
        self._file.close()


class MortalFolder(DiskFolder):
    def __init__(self, path: Path, countdown: Countdown) -> None:
        super().__init__(path)
        self._countdown = countdown

    def open(self, name: str) -> File:
        self._countdown.before()
        file = DiskFile(self.path / name)
        self._countdown.after()
        return MortalFile(file, self._countdown)

    def rename(self, old: str, new: str) -> None:
        self._countdown.before()
        super().rename(old, new)
        self._countdown.after()

    def remove(self, name: str) -> None:
        self._countdown.before()
        super().remove(name)
        self._countdown.after()

    def sync(self) -> None:
        self._countdown.before()
        super().sync()
        self._countdown.after()


if __name__ == "__main__":
    countdown = Countdown(int(sys.argv[1]), sys.argv[2])
    vars(runtime)["DiskFolder"] = lambda path: MortalFolder(path, countdown)
    sys.exit(main(["service"]))
