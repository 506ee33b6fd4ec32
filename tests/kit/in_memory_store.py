"""A Store in memory: the shortest description of what a store does, for tests of the engine."""

from collections.abc import Sequence
from datetime import datetime

from cloud_service.core.changes import Changes
from cloud_service.core.tables import Tables
from cloud_service.store.interface import CheckpointInput, Recovered, StoredRequest
from cloud_service.store.journal import RequestRecord


class InMemoryStore:
    """Keeps nothing beyond the process. `tables` is what it has at first."""

    def __init__(self, tables: Tables | None = None) -> None:
        self.sequence = 0
        self._kept = Recovered(tables or Tables())

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
