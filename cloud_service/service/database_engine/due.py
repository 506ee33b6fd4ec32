"""The passing of time: each point at which something is due is taken by one service at a time."""

import logging
from datetime import datetime, timedelta
from typing import Final

from cloud_service.core.records import PointKey
from cloud_service.database.effect import BatchToWrite
from cloud_service.database.errors import Conflict, TookTooLong
from cloud_service.database.loaded_network import LoadedNetwork
from cloud_service.database.state import DatabaseState
from cloud_service.service.database_engine.committed import Committed
from cloud_service.service.database_engine.portion import Portion
from cloud_service.service.engine.batch import Batch
from cloud_service.service.engine.limits import EngineLimits
from cloud_service.store.errors import StoreError

log = logging.getLogger(__name__)

DUE_EVERY: Final = timedelta(seconds=0.2)
"""How often a service looks for what is due."""
MOST_DUE: Final = 200
"""The largest number of due points that a service takes at a time."""
ASIDE: Final = timedelta(minutes=1)
"""How long a point is passed over at which what is due cannot be carried out."""
ASIDE_WHEN_TOO_LARGE: Final = timedelta(minutes=10)
"""The same for a point at which it takes too long, which holds up requests each time."""
_WARN_EVERY: Final = 100


class DueWork:
    """Carries out whatever is due, except at points that another service has taken.

    If one point makes that fail, the others must not wait for it: fewer are taken at a time, until that point
    is found.
    """

    def __init__(self, state: DatabaseState, limits: EngineLimits) -> None:
        self._state = state
        self._limits = limits
        self._looked: datetime | None = None
        self._portion = Portion(MOST_DUE)
        self._claimed: tuple[PointKey, ...] = ()
        self._aside: dict[PointKey, datetime] = {}
        """Points that are passed over, and until when."""
        self._defeats = 0
        """How many times in a row other services were first."""

    def look_at_once(self) -> None:
        """Looks again at once: something has to wait for the next batch."""
        self._looked = None

    def let_time_pass(self, now: datetime, clients_time: datetime) -> Committed | None:
        """Carries out what is due, if it is time to look. Raises WriteFailed or SyncFailed."""
        if self._looked is not None and clients_time - self._looked < DUE_EVERY:
            return None
        self._looked = clients_time
        self._take_back(clients_time)
        try:
            made = self._make(now)
        except Conflict as conflict:
            self._note_defeat(conflict)
            self._take_fewer()
            return None
        except TookTooLong as error:
            if not self._claimed:
                raise
            self._set_aside(error, clients_time, ASIDE_WHEN_TOO_LARGE)
            return None
        except StoreError:
            raise
        except Exception as error:
            self._set_aside(error, clients_time, ASIDE)
            return None
        self._defeats = 0
        self._portion.succeeded()
        return made

    def _take_back(self, clients_time: datetime) -> None:
        """Tries points again that were passed over: one point at a time, because it may fail again."""
        left = {key: until for key, until in self._aside.items() if until > clients_time}
        if len(left) < len(self._aside):
            self._aside, self._portion.size = left, 1

    def _make(self, now: datetime) -> Committed | None:
        self._claimed = ()
        with self._state.transaction(patient=self._portion.size == 1) as (reader, writer):
            claimed = reader.claim_due(now, self._portion.size, self._aside)
            self._claimed = tuple(key for key, _ in claimed)
            if not claimed:
                return None
            network = LoadedNetwork(reader, self._limits.rules)
            network.load(key[0] for key in self._claimed)
            if len(claimed) == self._portion.size:
                network.due_until = claimed[-1][1]
            with Batch(network, now) as batch:
                is_all = batch.let_time_pass(self._limits.batch_work)
                written = writer.write(BatchToWrite(batch.changes, network, (), now, self._claimed))
                batch.keep()
        if len(claimed) == self._portion.size or not is_all:
            self.look_at_once()
        return Committed(batch, written)

    def _take_fewer(self) -> None:
        if self._portion.failed(len(self._claimed) or self._portion.size):
            self.look_at_once()

    def _note_defeat(self, conflict: Conflict) -> None:
        """What is left is still due; another service was first."""
        self._defeats += 1
        if self._defeats % _WARN_EVERY == 0:
            log.warning("others were first %d times where something is due: %s", self._defeats, conflict)

    def _set_aside(self, error: Exception, clients_time: datetime, duration: timedelta) -> None:
        if len(self._claimed) > 1:
            self._take_fewer()
            return
        for key in self._claimed:
            log.error(
                "what is due at station %d, point %d cannot be made, it is tried again in %g s",
                *key,
                duration.total_seconds(),
                exc_info=None if isinstance(error, TookTooLong) else error,
            )
            self._aside[key] = clients_time + duration
