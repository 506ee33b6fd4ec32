"""Records for tests of the core, with values that do not matter if none are given."""

from datetime import UTC, datetime, timedelta

from cloud_service.core.numbers import Number
from cloud_service.core.records import Availability, Point, Reservation, Station

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def station(number: int, x: Number = 0, y: Number = 0, owner: str = "ana", last_point_id: int = 0) -> Station:
    return Station(number, x, y, owner, last_point_id)


def point(
    station_id: int,
    point_id: int,
    power: Number = 10,
    price: Number = 1,
    availability: Availability = "livre",
) -> Point:
    return Point(point_id, station_id, power, price, availability)


def reservation(
    number: int,
    start: datetime,
    finish: datetime,
    vehicle: int | str | None = None,
    point_key: tuple[int, int] = (1, 1),
    *,
    legacy: bool = False,
) -> Reservation:
    """A reservation of vehicle `number` if no vehicle is given."""
    station_id, point_id = point_key
    hours = (finish - start) / timedelta(hours=1)
    vehicle_id = number if vehicle is None else vehicle
    return Reservation(
        number, station_id, point_id, 10, 1, vehicle_id, start, finish, hours, hours * 10, legacy
    )
