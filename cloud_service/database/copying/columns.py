"""The columns beside a record: what the database itself has to find, sort and check."""

from typing import TypeAlias

from cloud_service.core.records import Reservation, Station
from cloud_service.core.sessions import Session
from cloud_service.database.reading import clamped

Place: TypeAlias = tuple[float, float]


def place_of(station: Station) -> Place:
    """Where a station is, in floats."""
    return clamped(station.x), clamped(station.y)


def waits_at(reservation: Reservation) -> Place | None:
    """Where the vehicle of a reservation is if the reservation may move up; otherwise None."""
    need = reservation.need
    if need is None or reservation.state != "reserved" or not reservation.wishes.flexible:
        return None
    return clamped(need.x), clamped(need.y)


def vehicle_of(session: Session) -> tuple[bool | None, str | None]:
    """The two columns of a session's vehicle."""
    return session.vehicle or (None, None)


def as_point(place: Place | None) -> str | None:
    """A place as the database reads and writes it."""
    return None if place is None else "({!r},{!r})".format(*place)
