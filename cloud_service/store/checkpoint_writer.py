"""Makes a checkpoint: writes the files, in a thread beside the service from a copy of its tables."""

import logging
import time
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event as Flag
from typing import TypeVar

from msgspec import Struct, field
from msgspec.structs import replace

from cloud_service.core.changes import ENDING, Event
from cloud_service.core.tables import Tables
from cloud_service.store.beside_requests import beside_requests, let_go
from cloud_service.store.checkpoint import Checkpoint, write_checkpoint
from cloud_service.store.descriptions import write_descriptions
from cloud_service.store.filesystem import Folder
from cloud_service.store.history import History
from cloud_service.store.interface import StoredRequest
from cloud_service.store.journal import Batch
from cloud_service.store.json_files import ChargingPointsFile, ChargingStationsFile, ReservationsFile
from cloud_service.store.names import HISTORIES, REQUESTS, SEGMENTS, remove_numbered, requests_name
from cloud_service.store.operation import write_operation
from cloud_service.store.owners_and_ids import write_owners_and_ids
from cloud_service.store.request_files import write_requests

Item = TypeVar("Item")

_log = logging.getLogger(__name__)


class CheckpointCancelled(Exception):
    """The service is stopping, and makes its last checkpoint instead of this one."""


class JournalTail(Struct):
    """What a checkpoint must move out of the journal: what the batches since the last one added."""

    batches: int = 0
    requests: list[StoredRequest] = field(default_factory=list)
    endings: list[tuple[int, Event]] = field(default_factory=list)
    """Events for the history, each with the number of its batch."""

    def add(self, batch: Batch) -> None:
        """Adds a batch that is now in the journal."""
        self.batches += 1
        self.requests += [StoredRequest(batch.sequence, batch.at, request) for request in batch.remembered]
        self.endings += [
            (batch.sequence, event)
            for changes in batch.changes
            for event in changes.events
            if event.type in ENDING
        ]

    def followed_by(self, later: "JournalTail") -> "JournalTail":
        """This tail and the one that continues it."""
        return JournalTail(
            self.batches + later.batches, self.requests + later.requests, self.endings + later.endings
        )


class CheckpointWriter:
    """Writes one checkpoint, from tables that nobody changes.

    The order of the writes makes a crash between any two of them harmless:
    docs/decisions/0004-the-order-of-writes.md explains why.
    """

    def __init__(
        self,
        folder: Folder,
        tables: Tables,
        checkpoint: Checkpoint,
        tail: JournalTail,
        oldest_remembered: int,
        first_month: str | None = None,
    ) -> None:
        """Removes request records of batches before `oldest_remembered`, and history before `first_month`."""
        self.tail = tail
        """What the journal still holds for the next checkpoint if this one fails."""
        self.history_sizes: Mapping[str, int] = checkpoint.sizes
        """How many bytes of each history file count, whether or not this checkpoint fails."""
        self.request_sizes: Mapping[str, int] = checkpoint.requests
        """How many bytes each file of request records has that the last good checkpoint names."""
        self.seconds = 0.0
        """How long the checkpoint took, once it is written."""
        self._folder = folder
        self._tables = tables
        self._checkpoint = checkpoint
        self._oldest_remembered = oldest_remembered
        self._first_month = first_month or ""
        self._cancelled = Flag()

    def start(self) -> Future[None]:
        """Writes the checkpoint in a new thread. The future has the error with which it ends, if any.

        The tables are nobody else's any more: the thread frees them.
        """
        with ExitStack() as until_written:
            until_written.enter_context(beside_requests())
            executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checkpoint")
            future = executor.submit(self._write_beside_requests, until_written.pop_all())
            executor.shutdown(wait=False)
        return future

    def cancel(self) -> None:
        """Makes `write` end early with CheckpointCancelled. Like a crash, this loses nothing."""
        self._cancelled.set()

    def write(self) -> None:
        """Writes the files, then the checkpoint, and only then removes what it replaces.

        A crash before the checkpoint leaves files that are newer than the last one says. Replaying the
        journal over them gives the same network, because its lines hold records as they are afterwards.
        """
        begun = time.monotonic()
        folder, tables = self._folder, self._tables
        ChargingStationsFile(folder).write(self._until_cancelled(tables.stations.values()))
        ChargingPointsFile(folder).write(self._until_cancelled(tables.points.values()))
        ReservationsFile(folder).write(self._until_cancelled(tables.reservations.values()))
        write_owners_and_ids(folder, tables)
        write_descriptions(folder, tables)
        write_operation(folder, tables)
        request_sizes = self._write_requests()
        history = History(folder, self._checkpoint.sizes)
        history.append(self.tail.endings)
        # The history counts from here on, even if the checkpoint fails: nothing is added to it twice.
        self.history_sizes = history.sizes
        let_go(self.tail.endings)
        kept = {name: size for name, size in history.sizes.items() if not self._is_outdated(name)}
        write_checkpoint(folder, replace(self._checkpoint, sizes=kept, requests=request_sizes))
        self.history_sizes, self.request_sizes = kept, request_sizes
        remove_numbered(folder, SEGMENTS, before=self._checkpoint.segment)
        remove_numbered(folder, REQUESTS, before=self._oldest_remembered)
        self._remove_outdated_history()
        folder.sync()
        self.seconds = time.monotonic() - begun

    def _write_beside_requests(self, until_written: ExitStack) -> None:
        tables = self._tables
        with until_written:
            try:
                self.write()
                let_go(self.tail.requests)
            finally:
                let_go(tables.stations, tables.points, tables.reservations, tables.sessions, tables.absences)

    def _remove_outdated_history(self) -> None:
        for name in filter(self._is_outdated, self._folder.names()):
            self._folder.remove(name)
            _log.info("%s was removed: its month is older than the history is kept", self._folder.where(name))

    def _is_outdated(self, name: str) -> bool:
        match = HISTORIES.fullmatch(name)
        return match is not None and match[1] < self._first_month

    def _write_requests(self) -> dict[str, int]:
        """Writes the requests in the tail. Returns the size of each file that is still needed."""
        sizes = dict(self._checkpoint.requests)
        if self.tail.requests:
            sequence = self._checkpoint.sequence
            sizes[requests_name(sequence)] = write_requests(self._folder, sequence, self.tail.requests)
        return {name: size for name, size in sizes.items() if name >= requests_name(self._oldest_remembered)}

    def _until_cancelled(self, items: Iterable[Item]) -> Iterator[Item]:
        for item in items:
            if self._cancelled.is_set():
                raise CheckpointCancelled
            yield item
