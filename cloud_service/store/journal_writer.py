"""Appends batches to the journal, and begins its segments."""

import time
from collections.abc import Callable, Sequence
from datetime import datetime

from cloud_service.core.changes import Changes
from cloud_service.language.text import Reason
from cloud_service.store.errors import SyncFailed, WriteFailed
from cloud_service.store.filesystem import File, Folder, write_all
from cloud_service.store.journal import Batch, JournalPosition, RequestRecord, encode_line
from cloud_service.store.names import segment_name


class JournalWriter:
    """Writes the newest segment. Once a sync of a segment fails, nothing is written to it any more."""

    def __init__(self, folder: Folder, synced: Callable[[float], None] = lambda seconds: None) -> None:
        self.position = JournalPosition()
        """The end of the last line that is on disk."""
        self.segment_number = 0
        """Of the segment that is written."""
        self._folder = folder
        self._synced = synced
        self._segment: File | None = None
        self._last_number = 0

    @property
    def segment_bytes(self) -> int:
        """The size of the segment; 0 if none is open."""
        return self._segment.size if self._segment is not None else 0

    @property
    def is_open(self) -> bool:
        """Whether batches can be appended: false before `open`, and after a sync failed."""
        return self._segment is not None

    def open(self, position: JournalPosition, last_segment: int) -> None:
        """Continues the journal from this position, in the segment after this one. Raises OSError."""
        self.position, self._last_number = position, last_segment
        self.begin_segment()

    def begin_segment(self) -> None:
        """Begins the next segment, whose name is on disk when this returns. Raises OSError.

        No number is used twice: after a failed sync of the names, a later one does not prove that this name
        is on disk.
        """
        self._last_number += 1
        segment = self._folder.open(segment_name(self._last_number))
        try:
            segment.sync()
            self._folder.sync()
        except OSError:
            segment.close()
            raise
        if self._segment is not None:
            self._segment.close()
        self._segment, self.segment_number = segment, self._last_number

    def append(
        self, changes: Sequence[Changes], remembered: Sequence[RequestRecord], delivered: int, now: datetime
    ) -> Batch:
        """Writes a batch, and returns it once it is on disk. Raises WriteFailed or SyncFailed."""
        segment, before = self.require_segment(), self.position
        batch = Batch(before.sequence + 1, before.checksum, now, tuple(changes), tuple(remembered), delivered)
        line, position = encode_line(batch)
        size = segment.size
        try:
            write_all(segment, line)
        except OSError as error:
            self._cut_back(segment, size, error)
            raise WriteFailed("{where}: {reason}", where=self._where(), reason=Reason(error)) from error
        begun = time.perf_counter()
        try:
            segment.sync()
        except OSError as error:
            self.abandon_segment()
            raise SyncFailed("{where}: {reason}", where=self._where(), reason=Reason(error)) from error
        self._synced(time.perf_counter() - begun)
        self.position = position
        return batch

    def require_segment(self) -> File:
        """The segment. Raises SyncFailed if none is open."""
        if self._segment is None:
            raise SyncFailed(
                "{where}: has to be loaded again after a failed sync", where=self._folder.where("")
            )
        return self._segment

    def abandon_segment(self) -> None:
        """Closes the segment for good: once a sync of it failed, a later one would prove nothing."""
        if self._segment is not None:
            self._segment.close()
            self._segment = None

    def _cut_back(self, segment: File, size: int, cause: OSError) -> None:
        """Removes a part of a line. Raises SyncFailed if that fails too."""
        try:
            segment.truncate(size)
        except OSError as error:
            self.abandon_segment()
            raise SyncFailed(
                "{where}: {reason}, and cutting it back failed: {second}",
                where=self._where(),
                reason=Reason(cause),
                second=Reason(error),
            ) from error

    def _where(self) -> str:
        return self._folder.where(segment_name(self.segment_number))
