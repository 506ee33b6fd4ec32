"""What a reservation that ended amounts to: a charge, or nothing but a cancellation."""

from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final

from msgspec import Struct

from cloud_service.core.records import Number
from cloud_service.store.ended import Ended

MILLIONTHS: Final = 1_000_000


class Charge(Struct, frozen=True):
    """A point in use from `start` to `end`. Energy (kWh) and revenue are in millionths.

    As integers, they have exact sums, in whatever order they are added.
    """

    start: datetime
    end: datetime
    energy: int
    revenue: int


def charge_of(ended: Ended) -> Charge | None:
    """The charge for which a reservation was used; None if it was cancelled before its start.

    One that was cancelled later ended then. Its vehicle got a share of the energy and pays that of the price.
    """
    row = ended.reservation
    was_cancelled = ended.type == "reservationCancelled"
    if was_cancelled and ended.at <= row.start:
        return None
    end = min(row.finish, ended.at)
    share = Fraction(1)
    if was_cancelled and end < row.finish:
        share = Fraction((end - row.start) / (row.finish - row.start))
    energy = _as_written(row.duration) * _as_written(row.power) * share
    return Charge(
        row.start, end, round(energy * MILLIONTHS), round(_as_written(row.price) * share * MILLIONTHS)
    )


def _as_written(number: Number) -> Fraction:
    return Fraction(Decimal(repr(number)))
