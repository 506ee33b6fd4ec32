"""When a charger's points are occupied, as pure functions of its reservations."""

from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct

from recharge.records import Reservation


class Visit(Struct, frozen=True):
    """A vehicle at a point from `begins` to `ends`, in real time."""

    key: tuple[int, int, int]
    """The reservation's key."""
    begins: datetime
    ends: datetime

    @property
    def point_id(self) -> int:
        return self.key[1]


def plan_visit(reservation: Reservation, now: datetime, time_scale: float) -> Visit:
    """Plans the visit for a reservation; every wait from now on is `time_scale` times shorter."""

    def scaled(moment: datetime) -> datetime:
        return now + (moment - now) / time_scale

    return Visit(reservation.key, scaled(reservation.start), scaled(reservation.finish))


def occupied(visits: Iterable[Visit], now: datetime) -> set[int]:
    """Returns the IDs of the occupied points."""
    return {visit.point_id for visit in visits if visit.begins <= now < visit.ends}


def next_change(visits: Iterable[Visit], now: datetime) -> datetime | None:
    """Returns when the next vehicle arrives or leaves, or None when no one is expected."""
    moments = (moment for visit in visits for moment in (visit.begins, visit.ends) if moment > now)
    return min(moments, default=None)
