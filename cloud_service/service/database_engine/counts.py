"""How many records of each kind the database has, counted outside the loop: that may take many seconds."""

import logging
from datetime import datetime, timedelta
from threading import Thread
from typing import Final

from cloud_service.core.records import FREE, OCCUPIED, RESERVED
from cloud_service.core.rules import NEVER, Rules
from cloud_service.database.errors import Conflict, Unwritable
from cloud_service.database.state import DatabaseState
from cloud_service.service.engine.counts import NetworkCounts
from cloud_service.store.errors import StoreError

log = logging.getLogger(__name__)

COUNT_EVERY: Final = timedelta(seconds=15)


class BackgroundCounts:
    """The counts of some seconds ago; empty until the first ones arrive."""

    def __init__(self, state: DatabaseState, rules: Rules) -> None:
        self.latest = NetworkCounts()
        self._state = state
        self._rules = rules
        self._next = timedelta()
        self._counting: Thread | None = None

    def refresh(self, now: datetime, elapsed: timedelta) -> None:
        """Starts to count again if it is time to, by the clock that only runs forward, and does not wait."""
        if elapsed < self._next or (self._counting is not None and self._counting.is_alive()):
            return
        self._next = elapsed + COUNT_EVERY
        self._counting = Thread(target=self._count, args=[now], name="counts", daemon=True)
        self._counting.start()

    def _count(self, now: datetime) -> None:
        absent_since = None if self._rules.offline == NEVER else now - self._rules.offline
        try:
            found = self._state.counts(absent_since)
        except (StoreError, Conflict, Unwritable) as error:
            log.warning("the records of the database could not be counted: %s", error)
            return
        self.latest = NetworkCounts(
            stations=found["stations"],
            points={name: found.get(name, 0) for name in (FREE, OCCUPIED, RESERVED)},
            points_out_of_order=found["out of order"],
            offline_owners=found["absences"],
            sessions=found["sessions"],
            reservations=found["reservations"],
            request_records=found["requests"],
        )
