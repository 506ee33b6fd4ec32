"""The time of a batch that may have to be decided again and again."""

from datetime import datetime, timedelta

from cloud_service.service.database_engine.clock import DatabaseClock


class Moment:
    """The times of the network and of its clients, while a batch may have to be decided again and again."""

    def __init__(self, now: datetime, clients_time: datetime, clock: DatabaseClock) -> None:
        self._now = now
        self._clients_time = clients_time
        self._clock = clock
        self._since = clock().elapsed
        self._passed = timedelta()

    def advance(self) -> None:
        """Takes the time of another attempt."""
        self._passed = self._clock().elapsed - self._since

    @property
    def now(self) -> datetime:
        return self._now + self._passed

    @property
    def clients_time(self) -> datetime:
        return self._clients_time + self._passed
