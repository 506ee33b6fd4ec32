"""What only one of the services does to the network: it tells of presence, and offers freed time again."""

import logging
from datetime import datetime, timedelta
from typing import Final

from cloud_service.core.records import PointKey
from cloud_service.database.effect import BatchToWrite
from cloud_service.database.errors import Conflict
from cloud_service.database.loaded_network import LoadedNetwork
from cloud_service.database.state import DatabaseState
from cloud_service.service.database_engine.committed import Committed
from cloud_service.service.database_engine.hearing import Hearing
from cloud_service.service.engine.batch import Batch
from cloud_service.service.engine.limits import EngineLimits
from cloud_service.service.engine.presence_notes import PresenceNotes
from cloud_service.store.errors import StoreError

log = logging.getLogger(__name__)

LOOK_EVERY: Final = timedelta(seconds=0.2)
MOST_FREED: Final = 200
"""The most points that are offered at a time."""
PAUSE: Final = timedelta(minutes=1)
"""After what the database refuses."""


class LeaderWork:
    """Tells the network which accounts are offline, and offers time to flexible reservations once more.

    A service that frees time does not see a reservation that another one is making at that moment, and that
    one does not see the time. Some seconds later, both can be seen.
    """

    def __init__(
        self, state: DatabaseState, limits: EngineLimits, presence: PresenceNotes, hearing: Hearing
    ) -> None:
        self._state = state
        self._limits = limits
        self._presence = presence
        self._hearing = hearing
        self._next_look: datetime | None = None

    def work(self, now: datetime, clients_time: datetime) -> Committed | None:
        """Does it, if it is time to. Raises WriteFailed or SyncFailed."""
        if not self._state.leads or (self._next_look is not None and clients_time < self._next_look):
            return None
        self._next_look = clients_time + LOOK_EVERY
        try:
            return self._make(now)
        except Conflict:
            return None  # everything is still noted
        except StoreError:
            raise
        except Exception:
            log.exception("presence cannot be told, it is tried again in %g s", PAUSE.total_seconds())
            self._next_look = clients_time + PAUSE
            return None

    def _make(self, now: datetime) -> Committed | None:
        with self._state.transaction() as (reader, writer):
            if self._has_to_tell:
                self._presence.settle(reader.accounts(self._presence.unsettled))
            freed = writer.take_freed(MOST_FREED)
            if not freed and not self._has_to_tell:
                return None
            network = LoadedNetwork(reader, self._limits.rules)
            with Batch(network, now) as batch:
                self._tell(network, batch)
                self._offer(freed, network, batch)
                written = writer.write(BatchToWrite(batch.changes, network, (), now))
                batch.keep()
        if self._has_to_tell:
            self._presence.written(network, batch.changes)
        return Committed(batch, written)

    @property
    def _has_to_tell(self) -> bool:
        return self._hearing.counts and len(self._presence) > 0

    def _tell(self, network: LoadedNetwork, batch: Batch) -> None:
        if self._has_to_tell:
            network.load_absences()
            for changes in list(self._presence.changes(network)):
                batch.apply(changes)

    def _offer(self, freed: list[PointKey], network: LoadedNetwork, batch: Batch) -> None:
        if freed and network.has_flexible:
            network.load(key[0] for key in freed)
            batch.let_time_pass()
            batch.offer(freed)
