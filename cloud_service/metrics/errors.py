"""How many errors a process has logged lately."""

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_MINUTE_SECONDS: Final = 60
_KEPT_MINUTES: Final = 60


class RecentErrors(logging.Handler):
    """Counts the errors of the last hour, by the minute."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self._minutes: deque[tuple[int, int]] = deque()
        """Minute since the epoch, errors in it."""

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Counts what all loggers of the process log while the block lasts."""
        root = logging.getLogger()
        root.addHandler(self)
        try:
            yield
        finally:
            root.removeHandler(self)

    def emit(self, record: logging.LogRecord) -> None:
        minute = int(record.created // _MINUTE_SECONDS)
        if self._minutes and self._minutes[-1][0] == minute:
            minute, count = self._minutes.pop()
        else:
            count = 0
        self._minutes.append((minute, count + 1))
        self._forget(minute)

    def in_last_hour(self, now: float) -> int:
        """How many there were in the hour before `now`, which is in seconds since the epoch."""
        self.acquire()
        try:
            self._forget(int(now // _MINUTE_SECONDS))
            return sum(count for _, count in self._minutes)
        finally:
            self.release()

    def _forget(self, minute: int) -> None:
        while self._minutes and self._minutes[0][0] <= minute - _KEPT_MINUTES:
            self._minutes.popleft()
