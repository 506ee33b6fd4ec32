"""Prices and durations are exact in the decimal numbers as written, and rounded once."""

from datetime import timedelta
from fractions import Fraction
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_service.core.exact import energy_needed, lasting, product, quotient
from cloud_service.core.numbers import Number

LARGEST = 1.7976931348623157e308


def number(low: Number, high: Number, *, exclude_max: bool = False) -> st.SearchStrategy[Number]:
    floats = st.floats(low, high, exclude_min=low == 0, exclude_max=exclude_max)
    decimals = (
        st.decimals(low, min(high, 10**6), places=3).map(float).filter(lambda value: low < value < high)
    )
    return st.one_of(floats, decimals, st.integers(int(low) + 1, int(high) - exclude_max))


def written(value: Number) -> Fraction:
    return Fraction(repr(value))


def rounded(exact: Fraction) -> float:
    try:
        return exact.numerator / exact.denominator
    except OverflowError:
        return inf


@given(number(0, LARGEST), number(0, 100, exclude_max=True), number(0, LARGEST))
def test_against_fractions(capacity: Number, percentage: Number, other: Number) -> None:
    energy = energy_needed(capacity, percentage)
    exact = written(capacity) * (100 - written(percentage)) / 100
    assert Fraction(energy) == exact
    assert product(energy, other) == rounded(exact * written(other))
    assert quotient(energy, other) == rounded(exact / written(other))


@pytest.mark.parametrize(
    ("capacity", "percentage", "price", "right"),
    [
        (3, 0, 0.1, 0.3),
        (30, 90, 0.1, 0.3),
        (52, 15, 0.39, 17.238),
        (0.7, 0, 0.1, 0.07),
        (75, 66.6, 0.29, 7.2645),
        (10, 10, 0, 0.0),
        (1e308, 0, 1e10, inf),
    ],
)
def test_prices_as_a_person_computes_them(
    capacity: Number, percentage: Number, price: Number, right: float
) -> None:
    assert product(energy_needed(capacity, percentage), price) == right


def test_a_duration_is_rounded_once() -> None:
    assert quotient(energy_needed(4.2, 0), 0.7) == 6.0
    assert quotient(energy_needed(1e308, 0), 1e-300) == inf


@given(st.floats(0, 24 * 365))
def test_a_duration_is_that_of_its_hours_to_the_microsecond(hours: float) -> None:
    exact = Fraction(hours) * 3_600_000_000
    assert abs(lasting(hours) // timedelta.resolution - exact) < 1


def test_a_duration_beyond_the_calendar_is_refused() -> None:
    with pytest.raises(OverflowError):
        lasting(1e300)
