"""Histograms: how many values were how large."""

from bisect import bisect_left
from itertools import accumulate

from msgspec import Struct


class Distribution(Struct, frozen=True):
    """What a histogram has counted so far: one count more than bounds, the last for everything above."""

    bounds: tuple[float, ...]
    counts: tuple[int, ...]
    total: float
    """The sum of all values."""

    def cumulative(self) -> list[tuple[str, float]]:
        """For each upper bound, how many values were not above it, as Prometheus has it."""
        names = [*(f"{bound:g}" for bound in self.bounds), "+Inf"]
        return list(zip(names, accumulate(self.counts), strict=True))


class Histogram:
    """Counts values by their size. Each bound belongs to the bucket below it."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self._bounds = bounds
        self._counts = [0] * (len(bounds) + 1)
        self._total = 0.0

    def observe(self, value: float) -> None:
        """Counts a value."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._total += value

    def read(self) -> Distribution:
        """What has been counted until now."""
        return Distribution(self._bounds, tuple(self._counts), self._total)


REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Bounds for the time that a request takes."""
SYNC_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Bounds for the time that the disk takes."""
BATCH_REQUESTS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0, 256.0)
"""Bounds for the number of requests that are answered together."""
WAIT_SECONDS = (360.0, 900.0, 1800.0, 3600.0, 7200.0, 14_400.0, 28_800.0, 86_400.0, 259_200.0, 864_000.0)
"""Bounds for the time from a booking to the start of its charge."""
