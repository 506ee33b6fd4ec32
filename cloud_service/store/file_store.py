"""The store on disk: each batch is a synced line of the journal, and checkpoints bring the files up to date.

docs/decisions/0004-the-order-of-writes.md explains why a crash between any two writes is harmless.
"""

import logging
from collections.abc import Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Annotated, Final

from msgspec import Struct
from msgspec.structs import replace

from cloud_service.config.setting import Section, Setting
from cloud_service.config.shared import TimeZone
from cloud_service.config.values import COUNT, COUNT_OR_ZERO, SECONDS
from cloud_service.core.changes import Changes
from cloud_service.store.checkpoint import FORMAT, Checkpoint, write_checkpoint
from cloud_service.store.checkpoint_writer import CheckpointCancelled, CheckpointWriter, JournalTail
from cloud_service.store.errors import SyncFailed
from cloud_service.store.filesystem import Folder
from cloud_service.store.gradual_copy import GradualCopy
from cloud_service.store.history import months_before
from cloud_service.store.interface import CheckpointInput, NoObserver, Recovered, StoreObserver
from cloud_service.store.journal import RequestRecord
from cloud_service.store.journal_writer import JournalWriter
from cloud_service.store.names import segment_name
from cloud_service.store.pause import Pause
from cloud_service.store.recovery import FolderContents, recover
from cloud_service.store.request_files import sizes_of_requests
from cloud_service.store.set_aside import add_to_set_aside

_LONGEST_RETRY_SECONDS: Final = 300
"""Between two attempts at a checkpoint that fails."""

_log = logging.getLogger(__name__)


class StoreOptions(Struct, frozen=True):
    """`zone` is that of dates without an offset in the JSON files; None means the machine's.

    A checkpoint is due when the segment has `checkpoint_bytes`, or `checkpoint_seconds` after the last one if
    there were batches since. It removes the history of months that ended more than `history_months` ago; 0
    keeps it for ever.
    """

    zone: TimeZone = None
    checkpoint_seconds: Annotated[
        float,
        Setting("checkpoint_seconds", SECONDS, Section.SERVICE_LIMITS, "time between checkpoints"),
    ] = 300.0
    checkpoint_bytes: Annotated[
        int,
        Setting(
            "checkpoint_bytes",
            COUNT,
            Section.SERVICE_LIMITS,
            "size of the journal that starts a checkpoint early",
        ),
    ] = 64 * 2**20
    history_months: Annotated[
        int,
        Setting(
            "history_months",
            COUNT_OR_ZERO,
            Section.SERVICE_LIMITS,
            "months for which ended reservations stay in the history, besides the current one; 0 keeps them",
        ),
    ] = 13


class _RunningCheckpoint(Struct, frozen=True):
    writer: CheckpointWriter
    future: Future[None]


class FileStore:
    """A Store in a folder."""

    def __init__(self, folder: Folder, options: StoreOptions, observer: StoreObserver | None = None) -> None:
        self._folder = folder
        self._options = options
        self._observer = observer or NoObserver()
        self._journal = JournalWriter(folder, self._observer.synced)
        self._tail = JournalTail()
        self._history_sizes: dict[str, int] = {}
        self._request_sizes: dict[str, int] = {}
        self._checkpoint_time: datetime | None = None
        self._copy: GradualCopy | None = None
        self._checkpoint: _RunningCheckpoint | None = None
        self._checkpoint_pause: Pause | None = None
        self._checkpoint_failures = 0

    @property
    def sequence(self) -> int:
        return self._journal.position.sequence

    @property
    def checkpointing(self) -> bool:
        """Whether a checkpoint is being written."""
        return self._checkpoint is not None and not self._checkpoint.future.done()

    def load(self, now: datetime) -> Recovered:
        self._journal.abandon_segment()
        self._abandon_checkpoint()
        contents = recover(self._folder, self._options.zone, now)
        self._tail = contents.tail
        names = set(self._folder.names())  # an operator may have removed old history
        sizes = contents.checkpoint.sizes
        self._history_sizes = {name: size for name, size in sizes.items() if name in names}
        self._request_sizes = sizes_of_requests(self._folder, contents.checkpoint)
        self._checkpoint_time = contents.checkpoint.at
        if contents.checkpoint.at is not None:
            self._observer.checkpoint_done(contents.checkpoint.at, None)
        self._checkpoint_pause = Pause.of(self._options.checkpoint_seconds, now)
        self._journal.open(contents.position, contents.last_segment)
        if contents.set_aside:
            add_to_set_aside(self._folder, contents.set_aside)
        if contents.set_aside or contents.corrections or contents.checkpoint.format < FORMAT:
            self._checkpoint_at_once(contents, now)
        elif not contents.checkpoint.journal:
            self._require_journal_from_here(contents.checkpoint)
        return contents.recovered

    def append(
        self, changes: Sequence[Changes], remembered: Sequence[RequestRecord], delivered: int, now: datetime
    ) -> int:
        try:
            batch = self._journal.append(changes, remembered, delivered, now)
        except SyncFailed:
            self._abandon_checkpoint()
            raise
        self._tail.add(batch)
        if self._copy is not None:
            self._copy.note(changes)
        return batch.sequence

    def maintain(self, checkpoint_input: CheckpointInput, now: datetime) -> None:
        if not self._journal.is_open:
            return
        if self._checkpoint is not None:
            if not self.checkpointing:
                self._finish_checkpoint(now)
        elif self._copy is not None or self._checkpoint_is_due(now):
            self._approach_checkpoint(checkpoint_input, now)

    def close(self, checkpoint_input: CheckpointInput, now: datetime) -> None:
        self._journal.require_segment()
        self._drop_copy()
        if self._checkpoint is not None:
            self._checkpoint.writer.cancel()
            self._finish_checkpoint(now)
        self._journal.begin_segment()
        self._prepare_checkpoint(checkpoint_input, now, journal=False).write()
        self._journal.abandon_segment()
        self._folder.remove(segment_name(self._journal.segment_number))
        self._folder.sync()

    def _checkpoint_is_due(self, now: datetime) -> bool:
        if not self._tail.batches:
            return False
        assert self._checkpoint_pause is not None
        full = self._journal.segment_bytes >= self._options.checkpoint_bytes
        return (full and not self._checkpoint_failures) or self._checkpoint_pause.is_over(now)

    def _approach_checkpoint(self, checkpoint_input: CheckpointInput, now: datetime) -> None:
        """Copies a part of the tables. Once all are copied, begins the checkpoint, and the next segment."""
        if self._copy is None:
            self._copy = GradualCopy(checkpoint_input.tables)
        if not self._copy.step():
            return
        try:
            self._journal.begin_segment()
        except OSError as error:
            self._postpone_checkpoint(error, now)
        else:
            copied = replace(checkpoint_input, tables=self._copy.finished())
            writer = self._prepare_checkpoint(copied, now)
            self._checkpoint = _RunningCheckpoint(writer, writer.start())
        self._drop_copy()

    def _drop_copy(self) -> None:
        if self._copy is not None:
            self._copy.close()
            self._copy = None

    def _checkpoint_at_once(self, contents: FolderContents, now: datetime) -> None:
        """Makes a checkpoint before the first batch, whose segment was just begun.

        The three files then exist from the first start on, no later start finds again what was set aside or
        corrected, and a version that reads only an older format does not misread the journal.
        """
        recovered = contents.recovered
        oldest = recovered.remembered[0].sequence if recovered.remembered else self.sequence + 1
        checkpoint_input = CheckpointInput(
            recovered.tables, contents.delivered, recovered.pending_events, oldest
        )
        try:
            writer = self._prepare_checkpoint(checkpoint_input, now)
            writer.write()
        except OSError:
            self._journal.abandon_segment()
            raise
        self._take_sizes(writer)

    def _require_journal_from_here(self, checkpoint: Checkpoint) -> None:
        """Lets the checkpoint of a clean stop say that a journal follows. On a full disk it goes without."""
        try:
            write_checkpoint(self._folder, replace(checkpoint, journal=True))
        except OSError as error:
            _log.warning("if the journal is removed, the next start will not notice: %s", error)

    def _prepare_checkpoint(
        self, checkpoint_input: CheckpointInput, now: datetime, *, journal: bool = True
    ) -> CheckpointWriter:
        """A checkpoint that includes everything before the current segment, which has no line yet.

        `journal` says whether the segment stays.
        """
        checkpoint = Checkpoint(
            sequence=self._journal.position.sequence,
            checksum=self._journal.position.checksum,
            segment=self._journal.segment_number,
            delivered=checkpoint_input.delivered,
            pending_events=tuple(checkpoint_input.pending_events),
            sizes=self._history_sizes,
            requests=self._request_sizes,
            journal=journal,
            at=now,
        )
        tables, oldest = checkpoint_input.tables, checkpoint_input.oldest_remembered
        first_month = self._first_month(now)
        writer = CheckpointWriter(self._folder, tables, checkpoint, self._tail, oldest, first_month)
        self._tail = JournalTail()
        return writer

    def _first_month(self, now: datetime) -> str | None:
        """The oldest month of the history to keep; None keeps all.

        The last checkpoint has to agree, so that a clock that is wrong for a moment removes nothing.
        """
        if self._checkpoint_time is None or not self._options.history_months:
            return None
        return months_before(min(now, self._checkpoint_time), self._options.history_months)

    def _finish_checkpoint(self, now: datetime) -> None:
        """Waits for the checkpoint, and plans the next one."""
        assert self._checkpoint is not None
        writer, error = self._checkpoint.writer, self._checkpoint.future.exception()
        self._checkpoint = None
        self._take_sizes(writer)
        if error is None:
            self._checkpoint_failures = 0
            self._checkpoint_time = now
            self._observer.checkpoint_done(now, writer.seconds)
            self._checkpoint_pause = Pause.of(self._options.checkpoint_seconds, now)
            return
        self._tail = writer.tail.followed_by(self._tail)
        if not isinstance(error, CheckpointCancelled):
            self._postpone_checkpoint(error, now)

    def _take_sizes(self, writer: CheckpointWriter) -> None:
        self._history_sizes = dict(writer.history_sizes)
        self._request_sizes = dict(writer.request_sizes)

    def _abandon_checkpoint(self) -> None:
        """Waits for the checkpoint. The next recovery finds out what it has written."""
        self._drop_copy()
        if self._checkpoint is not None:
            self._checkpoint.future.exception()
            self._checkpoint = None

    def _postpone_checkpoint(self, error: BaseException, now: datetime) -> None:
        self._checkpoint_failures += 1
        self._observer.checkpoint_failed()
        seconds = min(2**self._checkpoint_failures, _LONGEST_RETRY_SECONDS)
        self._checkpoint_pause = Pause.of(seconds, now)
        _log.error("checkpoint failed, the journal keeps growing: %r; next attempt in %d s", error, seconds)
