"""What the service asks of a store, and the store in memory that says it in a few lines."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct, field

from cloud_service.core.changes import Changes, Event
from cloud_service.core.network import Tables
from cloud_service.store.journal import RequestRecord


class StoredRequest(Struct, frozen=True, gc=False):
    """A remembered request, and when and in which batch it was answered."""

    sequence: int
    at: datetime
    request: RequestRecord


class Recovered(Struct):
    """What a store holds when it is opened."""

    tables: Tables = field(default_factory=Tables)
    remembered: list[StoredRequest] = field(default_factory=list)
    pending_events: list[tuple[int, Event]] = field(default_factory=list)
    """Events that the broker may not have taken yet, with the sequence number of their batch."""
    notes: list[str] = field(default_factory=list)
    """What an operator should know of the recovery, for the log."""


class CheckpointInput(Struct, frozen=True):
    """What the service has in memory, for a checkpoint. The tables are read before the call returns."""

    tables: Tables
    delivered: int
    """The events of the batches up to this sequence number have reached the broker."""
    pending_events: Sequence[tuple[int, Event]]
    oldest_remembered: int
    """The batch of the oldest request that is still remembered."""


class Store(Protocol):
    """Keeps what was decided. One thread uses it."""

    @property
    def sequence(self) -> int:
        """The number of the last batch, 0 before the first."""

    def load(self, now: datetime) -> Recovered:
        """Reads what there is, at the start and again after SyncFailed.

        Raises DamagedStore where a file is not what it should be, and OSError where the disk fails.
        """

    def append(
        self, changes: Sequence[Changes], remembered: Sequence[RequestRecord], delivered: int, now: datetime
    ) -> int:
        """Keeps a batch, and returns its sequence number once it is on disk.

        Raises WriteFailed, after which nothing was changed, or SyncFailed, after which only load() tells.
        """

    def maintain(self, checkpoint_input: CheckpointInput, now: datetime) -> None:
        """Called now and then between batches: begins or ends what the store does beside the service."""

    def close(self, checkpoint_input: CheckpointInput, now: datetime) -> None:
        """Leaves everything as people can read it. OSError or SyncFailed where that failed."""


class InMemoryStore:
    """Keeps nothing beyond the process; the reference for what a Store does."""

    def __init__(self) -> None:
        self.sequence = 0
        self._kept = Recovered()

    def load(self, now: datetime) -> Recovered:
        return Recovered(
            self._kept.tables.snapshot(), list(self._kept.remembered), list(self._kept.pending_events)
        )

    def append(
        self, changes: Sequence[Changes], remembered: Sequence[RequestRecord], delivered: int, now: datetime
    ) -> int:
        self.sequence += 1
        for change in changes:
            self._kept.tables.apply(change)
            self._kept.pending_events += [(self.sequence, event) for event in change.events]
        self._kept.remembered += [StoredRequest(self.sequence, now, request) for request in remembered]
        self._kept.pending_events = [row for row in self._kept.pending_events if row[0] > delivered]
        return self.sequence

    def maintain(self, checkpoint_input: CheckpointInput, now: datetime) -> None:
        pass

    def close(self, checkpoint_input: CheckpointInput, now: datetime) -> None:
        pass
