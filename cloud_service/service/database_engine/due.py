"""The passing of time: each point at which something is due is taken by one service at a time."""

from datetime import datetime, timedelta
from typing import Final

from cloud_service.core.records import PointKey
from cloud_service.database.errors import Conflict
from cloud_service.database.loaded_network import LoadedNetwork
from cloud_service.database.state import DatabaseState
from cloud_service.database.writing import BatchToWrite, Written
from cloud_service.service.engine.batch import Batch
from cloud_service.service.engine.limits import EngineLimits
from cloud_service.service.engine.presence_notes import PresenceNotes

DUE_EVERY: Final = timedelta(seconds=0.2)
"""How often a service looks for what is due."""
MOST_DUE: Final = 200
"""The most points whose due things a service takes at a time."""


class DueWork:
    """Makes what is due anywhere, except where another service is about to."""

    def __init__(self, state: DatabaseState, limits: EngineLimits) -> None:
        self.presence = PresenceNotes()
        """Which accounts are offline; the leader makes it known to the network."""
        self._state = state
        self._limits = limits
        self._looked: datetime | None = None

    def look_at_once(self) -> None:
        """Notes that something has to wait for the next batch."""
        self._looked = None

    def let_time_pass(self, now: datetime, clients_time: datetime) -> tuple[Batch, Written] | None:
        """Makes it, if it is time to look for it. Returns what was committed.

        Raises WriteFailed or SyncFailed.
        """
        if self._looked is not None and clients_time - self._looked < DUE_EVERY:
            return None
        self._looked = clients_time
        try:
            return self._make(now)
        except Conflict:
            return None  # another service was first; what is left is still due

    def _make(self, now: datetime) -> tuple[Batch, Written] | None:
        with self._state.transaction() as (reader, writer):
            claimed = reader.claim_due(now, MOST_DUE)
            has_news = self._state.leads and len(self.presence) > 0
            if not claimed and not has_news:
                return None
            network = LoadedNetwork(reader, self._limits.rules)
            network.load(key[0] for key, _ in claimed)
            if len(claimed) == MOST_DUE:
                network.due_until = claimed[-1][1]
            keys: tuple[PointKey, ...] = tuple(key for key, _ in claimed)
            with Batch(network, now) as batch:
                if has_news:
                    self._tell_of_presence(network, batch)
                is_all = batch.let_time_pass(self._limits.batch_work)
                written = writer.write(BatchToWrite(batch.changes, network, (), now, keys))
                batch.keep()
        if len(claimed) == MOST_DUE or not is_all:
            self.look_at_once()
        if has_news:
            self.presence.written(network, batch.changes)
        return batch, written

    def _tell_of_presence(self, network: LoadedNetwork, batch: Batch) -> None:
        network.load_absences()
        for changes in list(self.presence.changes(network)):
            batch.apply(changes)
