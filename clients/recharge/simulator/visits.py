"""When a charger's points are occupied, reckoned purely from the reservations that it knows of."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from msgspec import Struct

from recharge.records import Reservation


class Visit(Struct, frozen=True):
    """A vehicle at a point, from `begins` to `ends` on this machine's clock."""

    key: tuple[int, int, int]
    """The reservation's."""
    begins: datetime
    ends: datetime

    @property
    def point_id(self) -> int:
        return self.key[1]


def visit(reservation: Reservation, seen: datetime, time_scale: float) -> Visit:
    """The visit that follows from a reservation seen now, where time passes `time_scale` times as fast."""

    def scaled(moment: datetime) -> datetime:
        wait: timedelta = (moment - seen) / time_scale
        return seen + wait

    return Visit(reservation.key, scaled(reservation.start), scaled(reservation.finish))


def occupied(visits: Iterable[Visit], now: datetime) -> set[int]:
    """The IDs of the points at which a vehicle stands now."""
    return {visit.point_id for visit in visits if visit.begins <= now < visit.ends}


def next_change(visits: Iterable[Visit], now: datetime) -> datetime | None:
    """When the next vehicle comes or goes; None where none is expected."""
    moments = (moment for visit in visits for moment in (visit.begins, visit.ends) if moment > now)
    return min(moments, default=None)
