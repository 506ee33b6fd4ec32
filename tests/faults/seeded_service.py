"""The cloud service with a fault in it that the tests have to find.

python -m tests.faults.seeded_service FAULT: the name of a function below. All else is the product.
"""

import sys
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from cloud_service.cli.main import main
from cloud_service.core import queue
from cloud_service.service import process as runtime
from cloud_service.service.engine.deduplication import Deduplication
from cloud_service.store.filesystem import DiskFile, DiskFolder, File
from cloud_service.store.names import SEGMENTS
from tests.database.seeded_faults import events_in_memory_only, reply_before_commit


class _UnsyncedFile(DiskFile):
    def sync(self) -> None:
        pass


class _UnsyncedFolder(DiskFolder):
    def open(self, name: str) -> File:
        return _UnsyncedFile(self.path / name)

    def sync(self) -> None:
        pass


class _LateFile(DiskFile):
    """What is appended waits until something else happens to the file."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._waiting = b""

    def append(self, data: bytes) -> int:
        self._write_waiting()
        self._waiting = data
        return len(data)

    def truncate(self, size: int) -> None:
        self._write_waiting()
        super().truncate(size)

    def close(self) -> None:
        self._write_waiting()
        super().close()

    def _write_waiting(self) -> None:
        while self._waiting:
            self._waiting = self._waiting[super().append(self._waiting) :]


class _LateFolder(DiskFolder):
    def open(self, name: str) -> File:
        return _LateFile(self.path / name) if SEGMENTS.fullmatch(name) else super().open(name)


def nothing_synced() -> None:
    """Neither files nor names."""
    vars(runtime)["DiskFolder"] = _UnsyncedFolder


def answered_before_written() -> None:
    """A line of the journal is written when the next one comes."""
    vars(runtime)["DiskFolder"] = _LateFolder


def requests_not_remembered() -> None:
    """A further delivery takes effect again."""
    Deduplication.find = lambda memory, client, identity: None  # type: ignore[method-assign,assignment]


def no_five_minutes() -> None:
    """A gap is computed without the five minutes."""
    vars(queue)["MARGIN"] = timedelta()


FAULTS: dict[str, Callable[[], None]] = {
    fault.__name__: fault
    for fault in (nothing_synced, answered_before_written, requests_not_remembered, no_five_minutes)
} | {
    fault.__name__: partial(fault, pytest.MonkeyPatch())
    for fault in (reply_before_commit, events_in_memory_only)
}

if __name__ == "__main__":
    FAULTS[sys.argv[1]]()
    sys.exit(main(["service"]))
