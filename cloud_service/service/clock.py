"""The clocks of the machine."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeAlias

from cloud_service.service.engine.network_time import Reading

Clock: TypeAlias = Callable[[], Reading]
"""Reads the clocks."""

_RUNS_FORWARD = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""On Linux, the one that also counts the time for which the machine was suspended."""


def system_clock() -> Reading:
    """Reads the clocks of this machine."""
    elapsed = timedelta(seconds=time.clock_gettime(_RUNS_FORWARD))
    return Reading(datetime.now(UTC), elapsed)
