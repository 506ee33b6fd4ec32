"""What several runs say together: means, and how far off they may be."""

from collections.abc import Sequence
from math import sqrt
from statistics import fmean, stdev
from typing import Final

from msgspec import Struct, field

_T95: Final = (
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
    2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042,
)  # fmt: skip
"""The quantiles of Student's distribution for 95 %, from one degree of freedom on."""
_NORMAL95: Final = 1.96


class Estimate(Struct, frozen=True):
    """A mean over runs. The true one lies within `half_width` of it, in 95 cases of 100.

    `half_width` is None for a single run.
    """

    mean: float
    half_width: float | None = field(name="halfWidth", default=None)


def estimate(values: Sequence[float | None]) -> Estimate | None:
    """Returns the mean of those that there are; None if there are none."""
    known = [value for value in values if value is not None]
    if not known:
        return None
    if len(known) == 1:
        return Estimate(known[0])
    freedom = len(known) - 1
    quantile = _T95[freedom - 1] if freedom <= len(_T95) else _NORMAL95
    return Estimate(fmean(known), quantile * stdev(known) / sqrt(len(known)))
