"""The store on disk: every batch a synced line of the journal, folded into the files by checkpoints.

The order of writes, and why a crash between any two of them is harmless, stands in docs/decisions/.
"""

import logging
from collections.abc import Sequence
from datetime import datetime, tzinfo

from msgspec import Struct

from cloud_service.core.changes import Changes
from cloud_service.store.checkpoint import Checkpoint
from cloud_service.store.checkpointing import CheckpointWriter, GivenUp, SinceCheckpoint
from cloud_service.store.errors import SyncFailed, WriteFailed
from cloud_service.store.filesystem import File, Folder, write_all
from cloud_service.store.interface import CheckpointInput, Recovered
from cloud_service.store.journal import Batch, Mark, RequestRecord, encode_line
from cloud_service.store.names import segment_name
from cloud_service.store.pause import Pause
from cloud_service.store.recovery import Found, keep_aside, recover

_log = logging.getLogger(__name__)


class StoreOptions(Struct, frozen=True):
    """`zone` is that of dates without an offset in old files; None means the machine's.

    A checkpoint is made when the journal has this many bytes, or is this old and not empty.
    """

    zone: tzinfo | None = None
    checkpoint_seconds: float = 300.0
    checkpoint_bytes: int = 64 * 2**20


class FileStore:
    """A folder with the network in it. A Store."""

    def __init__(self, folder: Folder, options: StoreOptions) -> None:
        self.sequence = 0
        self._folder = folder
        self._options = options
        self._mark = Mark()
        self._number = self._newest = 0
        self._segment: File | None = None
        self._since_checkpoint = SinceCheckpoint()
        self._sizes: dict[str, int] = {}
        self._fold: CheckpointWriter | None = None
        self._fold_pause: Pause | None = None
        self._failures = 0

    @property
    def checkpointing(self) -> bool:
        """Whether a checkpoint is being made."""
        return self._fold is not None and self._fold.running()

    def load(self, now: datetime) -> Recovered:
        self._let_go()
        found = recover(self._folder, self._options.zone, now)
        self._mark, self.sequence = found.mark, found.mark.sequence
        self._since_checkpoint, self._newest = found.since_checkpoint, found.last_segment
        # Of a history that an operator took away nothing counts any more.
        there = set(self._folder.names())
        self._sizes = {name: size for name, size in found.sizes.items() if name in there}
        self._fold_pause = Pause.of(self._options.checkpoint_seconds, now)
        self._open_segment()
        if found.set_aside:
            keep_aside(self._folder, found.set_aside)
            self._fold_at_once(found, now)
        return found.recovered

    def _fold_at_once(self, found: Found, now: datetime) -> None:
        """What was set aside must not come back."""
        remembered = found.recovered.remembered
        oldest = remembered[0].sequence if remembered else self.sequence + 1
        checkpoint_input = CheckpointInput(
            found.recovered.tables, found.delivered, found.recovered.pending_events, oldest
        )
        try:
            fold = self._prepare_fold(checkpoint_input, now)
            fold.run()
        except OSError:
            self._let_go()
            raise
        self._sizes = dict(fold.sizes)

    def append(
        self, changes: Sequence[Changes], remembered: Sequence[RequestRecord], delivered: int, now: datetime
    ) -> int:
        segment = self._writable()
        batch = Batch(
            self._mark.sequence + 1, self._mark.checksum, now, tuple(changes), tuple(remembered), delivered
        )
        line, mark = encode_line(batch)
        size = segment.size
        try:
            write_all(segment, line)
        except OSError as error:
            self._cut(segment, size, error)
            raise WriteFailed(f"{self._where()}: {error}") from error
        try:
            segment.sync()
        except OSError as error:
            self._let_go()
            raise SyncFailed(f"{self._where()}: {error}") from error
        self._mark, self.sequence = mark, mark.sequence
        self._since_checkpoint.add(batch)
        return mark.sequence

    def maintain(self, checkpoint_input: CheckpointInput, now: datetime) -> None:
        if self._segment is None:
            return
        if self._fold is not None:
            if not self.checkpointing:
                self._end_fold(now)
        elif self._since_checkpoint.batches and self._due(now):
            try:
                self._fold = self._prepare_fold(checkpoint_input, now)
            except OSError as error:
                self._postpone(error, now)
            else:
                self._fold.start()

    def close(self, checkpoint_input: CheckpointInput, now: datetime) -> None:
        self._writable()
        if self._fold is not None:
            self._fold.give_up()
            self._fold.join()
            self._end_fold(now)
        self._prepare_fold(checkpoint_input, now).run()
        self._let_go()
        self._folder.remove(segment_name(self._number))
        self._folder.sync()

    def _writable(self) -> File:
        if self._segment is None:
            raise SyncFailed(f"{self._folder.where('')}: has to be read anew after a failed sync")
        return self._segment

    def _where(self) -> str:
        return self._folder.where(segment_name(self._number))

    def _open_segment(self) -> None:
        """Begins the next segment, whose name is on disk when this returns.

        No number is tried twice: whether a name is there for good, no sync tells once one has failed.
        """
        self._newest += 1
        segment = self._folder.open(segment_name(self._newest))
        try:
            segment.sync()
            self._folder.sync()
        except OSError:
            segment.close()
            raise
        if self._segment is not None:
            self._segment.close()
        self._segment, self._number = segment, self._newest

    def _cut(self, segment: File, size: int, cause: OSError) -> None:
        """Takes a part of a line back."""
        try:
            segment.truncate(size)
        except OSError as error:
            self._let_go()
            raise SyncFailed(f"{self._where()}: {cause}, and cutting it back failed: {error}") from error

    def _let_go(self) -> None:
        """Leaves the segment alone for good: after a failed sync, another one would prove nothing."""
        if self._fold is not None:
            self._fold.join()
            self._fold = None
        if self._segment is not None:
            self._segment.close()
            self._segment = None

    def _due(self, now: datetime) -> bool:
        assert self._segment is not None
        assert self._fold_pause is not None
        full = self._segment.size >= self._options.checkpoint_bytes and not self._failures
        return full or self._fold_pause.is_over(now)

    def _prepare_fold(self, checkpoint_input: CheckpointInput, now: datetime) -> CheckpointWriter:
        """Begins a new segment, so that all before it can be folded."""
        self._open_segment()
        checkpoint = Checkpoint(
            sequence=self._mark.sequence,
            checksum=self._mark.checksum,
            segment=self._number,
            delivered=checkpoint_input.delivered,
            pending_events=tuple(checkpoint_input.pending_events),
            sizes=self._sizes,
            at=now,
        )
        fold = CheckpointWriter(
            self._folder,
            checkpoint_input.tables.snapshot(),
            checkpoint,
            self._since_checkpoint,
            checkpoint_input.oldest_remembered,
        )
        self._since_checkpoint = SinceCheckpoint()
        return fold

    def _end_fold(self, now: datetime) -> None:
        assert self._fold is not None
        fold, self._fold = self._fold, None
        self._sizes = dict(fold.sizes)
        if fold.error is not None:
            self._since_checkpoint = self._since_checkpoint.after(fold.since_checkpoint)
            if not isinstance(fold.error, GivenUp):
                self._postpone(fold.error, now)
            return
        self._failures = 0
        self._fold_pause = Pause.of(self._options.checkpoint_seconds, now)

    def _postpone(self, error: BaseException, now: datetime) -> None:
        self._failures += 1
        pause = min(2.0**self._failures, 300.0)
        self._fold_pause = Pause.of(pause, now)
        _log.error("checkpoint failed, the journal grows on: %r; next try in %.0f s", error, pause)
