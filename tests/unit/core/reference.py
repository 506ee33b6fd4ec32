"""The plainest way to say what the core has to answer; the tests hold the core against it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from fractions import Fraction

from cloud_service.core.numbers import Number
from cloud_service.core.records import Reservation

MARGIN = timedelta(minutes=5)


def fits(reservations: Iterable[Reservation], start: datetime, duration: timedelta) -> bool:
    """Whether a charge that starts then keeps five minutes to each of the others."""
    return all(
        other.finish + MARGIN <= start or start + duration + MARGIN <= other.start for other in reservations
    )


def earliest_start(reservations: list[Reservation], now: datetime, duration: timedelta) -> datetime:
    """Of all moments at which a charge could first become possible, the first at which it is."""
    moments = [now + MARGIN, *(other.finish + MARGIN for other in reservations)]
    return min(
        moment for moment in moments if moment >= now + MARGIN and fits(reservations, moment, duration)
    )


def nearest(places: dict[int, tuple[Number, Number]], x: Number, y: Number) -> int | None:
    """In exact fractions of the numbers as they were written: no two fall together."""
    distances = [
        ((_written(x) - _written(place[0])) ** 2 + (_written(y) - _written(place[1])) ** 2, number)
        for number, place in places.items()
    ]
    return min(distances)[1] if distances else None


def _written(number: Number) -> Fraction:
    return Fraction(repr(number))
