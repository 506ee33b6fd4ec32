"""The database's clock: services on several machines do not decide by their own clocks."""

from datetime import timedelta
from typing import Final

from cloud_service.database.state import DatabaseState
from cloud_service.service.clock import Clock
from cloud_service.service.engine.network_time import Reading

READ_EVERY: Final = timedelta(seconds=10)


class DatabaseClock:
    """Between two readings of the database's clock, this machine's clock that only runs forward continues it.

    Raises WriteFailed if the database cannot be reached at the start.
    """

    def __init__(self, state: DatabaseState, clock: Clock) -> None:
        self._state = state
        self._clock = clock
        self._read()

    def __call__(self) -> Reading:
        elapsed = self._clock().elapsed
        return Reading(self._wall + (elapsed - self._elapsed), elapsed)

    def keep_right(self) -> None:
        """Reads the database's clock, if that is due. To be called often. Raises WriteFailed."""
        if self._clock().elapsed - self._elapsed >= READ_EVERY:
            self._read()

    def _read(self) -> None:
        before = self._clock().elapsed
        self._wall = self._state.clock()
        self._elapsed = (before + self._clock().elapsed) / 2
