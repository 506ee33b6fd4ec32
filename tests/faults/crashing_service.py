"""The cloud service with a folder that ends the process in the middle of an operation, or whose sync fails.

python -m tests.faults.crashing_service KIND MOMENT NUMBER: the process kills itself at the operation of this
kind and number, from 1, `before` it, `after` it, or, if it is an append, `within` it. The kind `any`
counts all operations, reads too. So that there are truncations, every tenth append to the journal writes
only half, and the next one finds the disk full.

python -m tests.faults.crashing_service sync failing 1: after each SIGUSR1 the next sync of a file fails.

All else is the product.
"""

import errno
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import NoReturn

from cloud_service.cli.main import main
from cloud_service.service import process as runtime
from cloud_service.store.filesystem import DiskFile, DiskFolder, File
from cloud_service.store.names import SEGMENTS
from tests.kit.processes import Process, Stack

KINDS = ("append", "sync", "truncate", "open", "rename", "remove", "names")
"""Operations that change a folder; `names` is the sync of the folder itself."""
_SHORT = 10


def moments(kind: str) -> tuple[str, ...]:
    """When an operation of this kind can end the process: only an append can be half done."""
    return ("before", "within", "after") if kind == "append" else ("before", "after")


def spoiled(stack: Stack, kind: str, moment: str, number: int, log: str = "mortal") -> Process:
    """Such a process, for this network."""
    words = [sys.executable, "-m", "tests.faults.crashing_service", kind, moment, str(number)]
    environment = {**stack.environment, "PYTHONPATH": str(Path(__file__).parents[2])}
    return Process(f"{log} service", words, stack.folder / f"{log}.log", environment)


def _end() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("unreachable")


class Spoiler:
    """Counts operations down to the last one, of the service's thread and of its checkpoint's."""

    def __init__(self, kind: str, moment: str, number: int) -> None:
        self.moment = moment
        self.failing = False
        """Whether the next sync of a file fails."""
        self._kind = kind
        self._left = number
        self._lock = Lock()
        self._appends = 0

    @contextmanager
    def operation(self, kind: str) -> Iterator[bool]:
        """Around each operation; tells whether it is the last."""
        last = False
        if self.moment != "failing" and self._kind in (kind, "any"):
            with self._lock:
                self._left -= 1
                last = self._left == 0
        if last and self.moment == "before":
            _end()
        yield last
        if last:
            _end()

    def is_short(self, name: str) -> bool:
        """Whether the disk takes only a half of what is appended to this file now."""
        if self.moment == "failing" or not SEGMENTS.fullmatch(name):
            return False
        self._appends += 1
        return self._appends % _SHORT == 0

    def fail(self) -> None:
        """Raises OSError if a sync is to fail now."""
        if self.failing:
            self.failing = False
            raise OSError(errno.EIO, "as the test wants it")


class SpoiledFile:
    def __init__(self, path: Path, spoiler: Spoiler) -> None:
        self._file = DiskFile(path)
        self.size = self._file.size
        self._name = path.name
        self._spoiler = spoiler
        self._full = False

    def append(self, data: bytes) -> int:
        if self._full:
            self._full = False
            raise OSError(errno.ENOSPC, "as the test wants it")
        self._full = self._spoiler.is_short(self._name)
        with self._spoiler.operation("append") as last:
            half = self._full or (last and self._spoiler.moment == "within")
            written = self._file.append(data[: len(data) // 2] if half else data)
        self.size = self._file.size
        return written

    def truncate(self, size: int) -> None:
        with self._spoiler.operation("truncate"):
            self._file.truncate(size)
        self.size = size

    def sync(self) -> None:
        self._spoiler.fail()
        with self._spoiler.operation("sync"):
            self._file.sync()

    def close(self) -> None:
        self._file.close()


class SpoiledFolder(DiskFolder):
    def __init__(self, path: Path, spoiler: Spoiler) -> None:
        super().__init__(path)
        self._spoiler = spoiler

    def read(self, name: str) -> bytes:
        with self._spoiler.operation("read"):
            return super().read(name)

    def open(self, name: str) -> File:
        with self._spoiler.operation("open"):
            return SpoiledFile(self.path / name, self._spoiler)

    def rename(self, old: str, new: str) -> None:
        with self._spoiler.operation("rename"):
            super().rename(old, new)

    def remove(self, name: str) -> None:
        if not (self.path / name).exists():
            return
        with self._spoiler.operation("remove"):
            super().remove(name)

    def sync(self) -> None:
        with self._spoiler.operation("names"):
            super().sync()


def run(kind: str, moment: str, number: int) -> int:
    spoiler = Spoiler(kind, moment, number)

    def fail_next(_number: int, _frame: object) -> None:
        spoiler.failing = True

    signal.signal(signal.SIGUSR1, fail_next)
    vars(runtime)["DiskFolder"] = lambda path: SpoiledFolder(path, spoiler)
    return main(["service"])


if __name__ == "__main__":
    sys.exit(run(sys.argv[1], sys.argv[2], int(sys.argv[3])))
