"""The clocks of the machine."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from msgspec import Struct

from cloud_service.service.engine.network_time import Reading

Clock: TypeAlias = Callable[[], Reading]
"""Reads the clocks."""

_RUNS_FORWARD = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""On Linux, the one that also counts the time for which the machine was suspended."""


def system_clock() -> Reading:
    """Reads the clocks of this machine."""
    elapsed = timedelta(seconds=time.clock_gettime(_RUNS_FORWARD))
    return Reading(datetime.now(UTC), elapsed)


class Pace(Struct, frozen=True):
    """How time passes in the network: `speed` times as fast as for its clients, since this moment.

    Requests expire by the clients' time. All that the network decides is decided by its own.
    """

    since: datetime
    speed: float = 1.0

    def at(self, now: datetime) -> datetime:
        """The network's time at this moment of its clients' time."""
        return now if self.speed == 1 else self.since + (now - self.since) * self.speed
