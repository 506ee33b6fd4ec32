"""Records for tests."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from recharge import Availability, Event, Offer, Point, Reservation

START = datetime(2026, 3, 1, 12, tzinfo=UTC)

OFFER = Offer(3, 2, 2.5, 50, 0.9, START, START + timedelta(hours=1), 1, 45, 0.2, name="Harbour")


def reservation(
    number: int = 1, start: datetime = START, hours: float = 1.0, station_id: int = 3
) -> Reservation:
    """On point 2, with 50 kW."""
    finish = start + timedelta(hours=hours)
    return Reservation(number, station_id, 2, 50, 0.9, "ana", start, finish, hours, 45.0)


def moved(
    before: Reservation, number: int = 9, reason: str = "overrun", delay: timedelta = timedelta()
) -> Event:
    """It moves to point 4, and so has a new ID."""
    after = replace(
        before,
        reservation_id=number,
        point_id=4,
        start=before.start + delay,
        finish=before.finish + delay,
    )
    return Event("reservationChanged", before.start, after, reason, before)


def point(availability: Availability = "livre") -> Point:
    """Point 2 of station 3."""
    return Point(2, 3, 50, 0.9, availability)
