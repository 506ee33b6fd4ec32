"""Numbers that a person types."""

import pytest

from recharge.terminal.prompts import read_number


@pytest.mark.parametrize(
    ("typed", "number"),
    [("4", 4), ("4.5", 4.5), ("4,5", 4.5), ("-0,25", -0.25), (".5", 0.5), ("1e2", 100), ("1e300", 1e300)],
)
def test_a_number_has_a_decimal_point_or_comma(typed: str, number: float) -> None:
    assert read_number(typed) == number


@pytest.mark.parametrize(
    "typed",
    ["", "abc", "nan", "inf", "-inf", "1e400", "1_000", "1.000,5", "4 5", "0x10", "\u0663", "--1", "."],
)
def test_what_is_no_finite_number_is_not_understood(typed: str) -> None:
    assert read_number(typed) is None
