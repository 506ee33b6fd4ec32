"""Records for tests."""

from datetime import UTC, datetime, timedelta

from recharge import Point, Reservation

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def reservation(number: int = 1, start: datetime = START, hours: float = 1.0) -> Reservation:
    """On point 2 of station 3, with 50 kW."""
    finish = start + timedelta(hours=hours)
    return Reservation(number, 3, 2, 50, 0.9, "ana", start, finish, hours, 45.0)


def point(point_id: int = 2) -> Point:
    return Point(point_id, 3, 50, 0.9, "livre")
