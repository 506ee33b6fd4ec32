"""What a reservation that ended amounts to: a charge, or nothing."""

from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Final

from msgspec import Struct

from cloud_service.core.numbers import Number
from cloud_service.store.ended import Ended, EndedReservation

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
    """The charge for which a reservation was used; None if nobody came, or it was cancelled before its start.

    The energy is what the charger has told. Where it has not, it is what was booked, or a share of that if
    the reservation ended early. The vehicle pays the same share of the price, and never more than the price.
    """
    row = ended.reservation
    is_unused = ended.type == "reservationCancelled" and ended.at <= row.start
    if is_unused or ended.type == "reservationNoShow":
        return None
    end = min(row.finish, ended.at)
    booked = _as_written(row.duration) * _as_written(row.power)
    if ended.energy is None:
        share = _share_of_time(row, end)
        energy = booked * share
    else:
        energy = _as_written(ended.energy)
        share = min(energy / booked, Fraction(1)) if booked else Fraction(1)
    return Charge(
        row.start, end, round(energy * MILLIONTHS), round(_as_written(row.price) * share * MILLIONTHS)
    )


def _share_of_time(row: EndedReservation, end: datetime) -> Fraction:
    """How much of its time a reservation had had; nothing if its session began and ended before its start."""
    if end >= row.finish:
        return Fraction(1)
    return max(Fraction(0), Fraction((end - row.start) / (row.finish - row.start)))


def _as_written(number: Number) -> Fraction:
    return Fraction(Decimal(repr(number)))
