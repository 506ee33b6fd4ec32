"""Exact arithmetic on JSON numbers: a result is that of the decimal numbers as written, rounded once."""

from collections.abc import Sequence
from datetime import timedelta
from decimal import Context, Decimal
from fractions import Fraction
from functools import lru_cache
from math import inf
from typing import Final

from cloud_service.core.numbers import Number

_EXACT: Final = Context(prec=2_000)
"""Holds the exact product of three doubles: each has at most 309 digits before the point and 324 after it."""
_HUNDRED: Final = Decimal(100)


def energy_needed(capacity: Number, percentage: Number) -> Decimal:
    """Returns what a battery of this capacity (kWh) needs until it is full, in kWh."""
    missing = _EXACT.subtract(_HUNDRED, as_written(percentage))
    return _EXACT.scaleb(_EXACT.multiply(as_written(capacity), missing), -2)


def product(exact: Decimal, number: Number) -> float:
    """Returns the double that is nearest to the product; infinity if it is out of range."""
    return float(_EXACT.multiply(exact, as_written(number)))


@lru_cache(maxsize=1_000, typed=True)  # the points of a station often have the same power
def quotient(exact: Decimal, number: Number) -> float:
    """Returns the double that is nearest to the quotient; infinity if it is out of range."""
    dividend, over = exact.as_integer_ratio()
    divisor, under = as_written(number).as_integer_ratio()
    return _ratio(dividend * under, over * divisor)


@lru_cache(maxsize=1_000)  # ten times as fast as timedelta, which takes its time to round
def lasting(hours: float) -> timedelta:
    """Returns this many hours as a duration. Raises OverflowError if that is too long."""
    return timedelta(hours=hours)


def nearest_double(exact: Fraction) -> float:
    """Returns the double that is nearest to a fraction; infinity if it is out of range."""
    return _ratio(exact.numerator, exact.denominator)


def _ratio(dividend: int, divisor: int) -> float:
    try:
        return dividend / divisor
    except OverflowError:
        return inf


def squared_distance(place: Sequence[Number], other: Sequence[Number]) -> Decimal:
    """Returns the exact square of the distance between two places, whose coordinates are as written."""
    square = Decimal()
    for number, of_other in zip(place, other, strict=True):
        difference = _EXACT.subtract(as_written(number), as_written(of_other))
        square = _EXACT.add(square, _EXACT.multiply(difference, difference))
    return square


def comparable(number: Number) -> Number:
    """Returns the number so that Python compares it with others as they were written.

    As a float, 1e23 is less than 10**23. Below 2**53 every integer is a float, and the order is the same.
    """
    is_beyond = isinstance(number, float) and abs(number) > 2**53
    return int(Decimal(repr(number))) if is_beyond else number


@lru_cache(maxsize=1_000, typed=True)  # prices, powers, capacities and percentages recur
def as_written(number: Number) -> Decimal:
    """The number as a decimal. A double's shortest decimal form is what was written, up to 15 digits."""
    return Decimal(number) if isinstance(number, int) else Decimal(repr(number))
