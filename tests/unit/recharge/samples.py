"""Records for tests."""

from datetime import UTC, datetime, timedelta

from recharge import Availability, Point, Reservation

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


def reservation(
    number: int = 1, start: datetime = START, hours: float = 1.0, station_id: int = 3
) -> Reservation:
    """On point 2, with 50 kW."""
    finish = start + timedelta(hours=hours)
    return Reservation(number, station_id, 2, 50, 0.9, "ana", start, finish, hours, 45.0)


def point(availability: Availability = "livre") -> Point:
    """Point 2 of station 3."""
    return Point(2, 3, 50, 0.9, availability)
