"""A service's turn at crowded stations: it begins before the requests are taken that are decided in it."""

from collections.abc import Collection, Iterable, Sequence
from contextlib import ExitStack
from datetime import datetime

from cloud_service.core.changes import Changes
from cloud_service.database.state import DatabaseState
from cloud_service.service.database_engine.turns import Turns


class Turn:
    """Keeps the other services that take turns away from stations, from `wait` to `end`."""

    def __init__(self, state: DatabaseState) -> None:
        self._state = state
        self._turns = Turns()
        self._held = ExitStack()
        self._stations: Sequence[int] = ()
        self._crowded: Collection[int] = ()

    def wait(self, now: datetime) -> bool:
        """Waits for its turn wherever it takes one. Returns whether another service was there.

        All are taken in one order: what it has is given back, if there are more. Raises WriteFailed.
        """
        stations = self._turns.stations(now)
        if set(stations) <= set(self._stations):
            return False
        self.end()
        self._crowded = self._held.enter_context(self._state.turn_at(stations))
        self._stations = stations
        return bool(self._crowded)

    def used(self, batch: Iterable[Changes], now: datetime) -> None:
        """Notes what a batch has changed in this turn."""
        self._turns.used(self._stations, self._crowded, batch, now)

    def late(self, batch: Iterable[Changes], now: datetime) -> None:
        """Notes that another service has changed something first that this batch changes."""
        self._turns.late(batch, now)

    def end(self) -> None:
        """Lets the next service have its turn."""
        self._stations, self._crowded = (), ()
        self._held.close()
