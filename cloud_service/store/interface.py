"""What the service asks of a store."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct, field

from cloud_service.core.changes import Changes, Event
from cloud_service.core.tables import Tables
from cloud_service.store.journal import RequestRecord


class StoredRequest(Struct, frozen=True, gc=False):
    """A request record, and when and in which batch the request was answered."""

    sequence: int
    at: datetime
    request: RequestRecord


class Recovered(Struct):
    """What a store holds when it is opened."""

    tables: Tables = field(default_factory=Tables)
    remembered: list[StoredRequest] = field(default_factory=list)
    """For deduplication, oldest first."""
    pending_events: list[tuple[int, Event]] = field(default_factory=list)
    """Events that the broker may not have acknowledged, each with the number of its batch."""
    notes: list[str] = field(default_factory=list)
    """What an operator should know about the recovery, for the log."""


class CheckpointInput(Struct, frozen=True):
    """What the service has in memory, for a checkpoint. The store copies it before the call returns."""

    tables: Tables
    delivered: int
    """The broker has acknowledged the events of the batches up to this one."""
    pending_events: Iterable[tuple[int, Event]]
    """The events in the outbox, each with the number of its batch. Read only if a checkpoint is due."""
    oldest_remembered: int
    """The batch of the oldest request that deduplication knows. Request records before it are removed."""


class StoreObserver(Protocol):
    """Learns how long the disk takes. Called in the thread that uses the store."""

    def synced(self, seconds: float) -> None:
        """The journal was synced."""

    def checkpoint_done(self, at: datetime, seconds: float | None) -> None:
        """There is a checkpoint of this time. Without a duration, it was found when loading."""

    def checkpoint_failed(self) -> None:
        """A checkpoint failed, and will be tried again."""


class NoObserver:
    """Learns nothing."""

    def synced(self, seconds: float) -> None:
        pass

    def checkpoint_done(self, at: datetime, seconds: float | None) -> None:
        pass

    def checkpoint_failed(self) -> None:
        pass


class Store(Protocol):
    """Keeps decisions durable. Used by one thread. Time is passed in and may run backwards."""

    @property
    def sequence(self) -> int:
        """The number of the last batch; 0 before the first."""

    def load(self, now: datetime) -> Recovered:
        """Recovers what was stored, at start and again after SyncFailed.

        Raises DamagedStore if a file is not what it should be, and OSError if the disk fails.
        """

    def append(
        self, changes: Sequence[Changes], remembered: Sequence[RequestRecord], delivered: int, now: datetime
    ) -> int:
        """Stores a batch, and returns its number once it is on disk.

        Raises WriteFailed, after which nothing was changed, or SyncFailed, after which the batch may or may
        not be stored and only `load` can tell.
        """

    def maintain(self, checkpoint_input: CheckpointInput, now: datetime) -> None:
        """Begins or finishes a checkpoint if one is due. The service calls this often, between batches."""

    def close(self, checkpoint_input: CheckpointInput, now: datetime) -> None:
        """Makes the last checkpoint, so that people can read the files. Raises OSError or SyncFailed."""
