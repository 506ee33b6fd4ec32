"""Folding the journal into the files: a checkpoint, written beside the service while that goes on."""

from collections.abc import Iterable, Iterator, Mapping
from threading import Event as Flag
from threading import Thread
from typing import TypeVar

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from cloud_service.core.changes import ENDING, Event
from cloud_service.core.network import Tables
from cloud_service.store import checkpoint as checkpoints
from cloud_service.store.checkpoint import Checkpoint
from cloud_service.store.filesystem import Folder, replace_file
from cloud_service.store.history import History
from cloud_service.store.interface import StoredRequest
from cloud_service.store.journal import Batch
from cloud_service.store.json_files import ChargingPointsFile, ChargingStationsFile, ReservationsFile
from cloud_service.store.names import REQUESTS, SEGMENTS, numbered, requests_name

Item = TypeVar("Item")


class GivenUp(Exception):
    """The service is ending, and its last checkpoint comes in this one's place."""


class SinceCheckpoint(Struct):
    """What the journal holds that belongs into files which only grow."""

    batches: int = 0
    remembered: list[StoredRequest] = field(default_factory=list)
    endings: list[tuple[int, Event]] = field(default_factory=list)

    def add(self, batch: Batch) -> None:
        self.batches += 1
        self.remembered += [StoredRequest(batch.sequence, batch.at, request) for request in batch.remembered]
        self.endings += [
            (batch.sequence, event)
            for changes in batch.changes
            for event in changes.events
            if event.type in ENDING
        ]

    def after(self, earlier: "SinceCheckpoint") -> "SinceCheckpoint":
        """This with what came before it."""
        return SinceCheckpoint(
            earlier.batches + self.batches,
            earlier.remembered + self.remembered,
            earlier.endings + self.endings,
        )


class CheckpointWriter:
    """One checkpoint, from a snapshot that nobody changes. It runs in a thread, or at once."""

    def __init__(
        self,
        folder: Folder,
        tables: Tables,
        checkpoint: Checkpoint,
        since_checkpoint: SinceCheckpoint,
        oldest_remembered: int,
    ) -> None:
        self.since_checkpoint = since_checkpoint
        self.sizes: Mapping[str, int] = checkpoint.sizes
        self.error: BaseException | None = None
        self._folder = folder
        self._tables = tables
        self._checkpoint = checkpoint
        self._oldest_remembered = oldest_remembered
        self._unwanted = Flag()
        self._thread = Thread(target=self._run_and_keep_error, name="checkpoint")

    def start(self) -> None:
        self._thread.start()

    def running(self) -> bool:
        return self._thread.is_alive()

    def join(self) -> None:
        self._thread.join()

    def give_up(self) -> None:
        """Ends it soon, as a crash would: the journal holds everything still."""
        self._unwanted.set()

    def _run_and_keep_error(self) -> None:
        try:
            self.run()
        except BaseException as error:  # whatever it is, the checkpoint was not made
            self.error = error

    def run(self) -> None:
        """The three files, what lies beside them, the checkpoint, and only then the old segments.

        A crash before the checkpoint leaves newer files than it says; replaying the journal over them ends in
        the same network, because its lines hold records as they are afterwards.
        """
        folder, tables = self._folder, self._tables
        ChargingStationsFile(folder).write(self._while_wanted(tables.stations.values()))
        ChargingPointsFile(folder).write(self._while_wanted(tables.points.values()))
        ReservationsFile(folder, None).write(self._while_wanted(tables.reservations.values()))
        checkpoints.write_keeping(folder, tables)
        if self.since_checkpoint.remembered:
            rows = (msgspec.json.encode(memory) + b"\n" for memory in self.since_checkpoint.remembered)
            replace_file(folder, requests_name(self._checkpoint.sequence), rows)
        history = History(folder, self._checkpoint.sizes)
        history.append(self.since_checkpoint.endings)
        # From here on the history counts, whether the checkpoint is on disk or not: it is not added again.
        self.sizes, self.since_checkpoint.endings = history.sizes, []
        checkpoints.write_checkpoint(folder, replace(self._checkpoint, sizes=history.sizes))
        self._remove_old()

    def _while_wanted(self, items: Iterable[Item]) -> Iterator[Item]:
        for item in items:
            if self._unwanted.is_set():
                raise GivenUp
            yield item

    def _remove_old(self) -> None:
        for number, name in numbered(self._folder, SEGMENTS):
            if number < self._checkpoint.segment:
                self._folder.remove(name)
        for sequence, name in numbered(self._folder, REQUESTS):
            if sequence < self._oldest_remembered:
                self._folder.remove(name)
        self._folder.sync()
