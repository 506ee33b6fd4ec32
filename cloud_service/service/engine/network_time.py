"""The network's time: the wall clock's, as long as the wall clock can be believed.

A wall clock that is wrong for seconds must not finish the reservations of a year. So it is read together
with a clock that only runs forward, and both have to agree on how much time has passed.
"""

import logging
from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct

log = logging.getLogger(__name__)

TOLERANCE: Final = timedelta(seconds=5)
"""The most that the clocks may differ by within a minute. Corrections by NTP are smaller as a rule."""
MINUTE: Final = timedelta(minutes=1)
"""How long the wall clock has to run on from where it has jumped to, before it is believed."""


class Reading(Struct, frozen=True):
    """Both clocks at one moment."""

    wall: datetime
    elapsed: timedelta
    """By the clock that only runs forward, from any moment on."""


class _Jump(Struct, frozen=True):
    """By how much the wall clock is off since this reading."""

    by: timedelta
    since: Reading


class NetworkTime:
    """Tells the time from readings of both clocks.

    The first reading is believed: whoever starts the service vouches for its machine's clock. After a jump,
    time goes on by the clock that only runs forward, until the wall clock is right again or has run on for a
    minute.
    """

    def __init__(self, first: Reading) -> None:
        self._believed = first
        self._latest = first.wall
        self._jump: _Jump | None = None
        self._reported: timedelta | None = None

    def at(self, reading: Reading) -> datetime:
        """The network's time at this reading. It runs backwards only after a jump back that was believed."""
        now = self._believed.wall + (reading.elapsed - self._believed.elapsed)
        by = reading.wall - now
        if abs(by) <= TOLERANCE:
            self._agree(reading)
            now = reading.wall
        elif self._is_believable(by, reading):
            log.warning("the clock has run on for a minute since it jumped: the time is now %s", reading.wall)
            self._believe(reading)
            now = self._latest = reading.wall
        self._latest = max(self._latest, now)
        return self._latest

    def _agree(self, reading: Reading) -> None:
        if self._jump is not None:
            log.warning("the clock is right again: its jump by %s had no effect", _seconds(self._jump.by))
            self._believe(reading)
        elif reading.elapsed - self._believed.elapsed >= MINUTE:
            self._believe(reading)

    def _believe(self, reading: Reading) -> None:
        self._believed, self._jump = reading, None

    def _is_believable(self, by: timedelta, reading: Reading) -> bool:
        """Whether a clock that is off by this much has been so for a minute."""
        if self._jump is None or abs(by - self._jump.by) > TOLERANCE:
            self._jump = _Jump(by, reading)
            self._report(by, reading)
        return reading.elapsed - self._jump.since.elapsed >= MINUTE

    def _report(self, by: timedelta, reading: Reading) -> None:
        """Says that the clock has jumped, once a minute at most: it may jump all the time."""
        if self._reported is not None and reading.elapsed - self._reported < MINUTE:
            return
        self._reported = reading.elapsed
        log.warning(
            "the clock of this machine has jumped by %s, to %s: until it is right again, or has run on from "
            "there for a minute, time goes on without it and no reservation finishes by it; "
            "to have it believed at once, restart the service",
            _seconds(by),
            reading.wall,
        )


def _seconds(by: timedelta) -> str:
    return f"{by.total_seconds():+,.0f} s"
