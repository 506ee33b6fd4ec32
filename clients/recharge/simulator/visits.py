"""When a charger's points are occupied, as pure functions of its reservations."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import msgspec
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

    def share(self, arrived: datetime, now: datetime) -> float:
        """Returns the part of the visit, from 0 to 1, that a vehicle has had that arrived then."""
        whole, had = self.ends - self.begins, min(now, self.ends) - max(arrived, self.begins)
        return max(0.0, had / whole) if whole else 1.0


MARGIN: Final = timedelta(minutes=5)
"""What the network leaves free after each charge."""


def plan_visit(reservation: Reservation, now: datetime, time_scale: float) -> Visit:
    """Plans the visit for a reservation; every wait from now on is `time_scale` times shorter."""

    def scaled(moment: datetime) -> datetime:
        return now + (moment - now) / time_scale

    return Visit(reservation.key, scaled(reservation.start), scaled(reservation.finish))


def made_up(visit: Visit, arrived: datetime, time_scale: float) -> Visit:
    """Returns the visit of a vehicle that may be late: it stays longer, as far as nobody else has to wait."""
    late = max(timedelta(0), min(arrived - visit.begins, MARGIN / time_scale))
    return msgspec.structs.replace(visit, begins=visit.begins + late, ends=visit.ends + late)


def reserved_energy(reservation: Reservation) -> float:
    """Returns the energy that a reservation is for, in kWh."""
    return reservation.duration * reservation.power


def price_of(reservation: Reservation, energy: float) -> float:
    """Returns the price of what was charged: what was promised, or a share of it for less energy."""
    reserved = reserved_energy(reservation)
    return reservation.price if energy >= reserved else reservation.price * energy / reserved


def occupied(visits: Iterable[Visit], now: datetime) -> set[int]:
    """Returns the IDs of the occupied points."""
    return {visit.point_id for visit in visits if visit.begins <= now < visit.ends}


def next_change(visits: Iterable[Visit], now: datetime) -> datetime | None:
    """Returns when the next vehicle arrives or leaves, or None when no one is expected."""
    moments = (moment for visit in visits for moment in (visit.begins, visit.ends) if moment > now)
    return min(moments, default=None)
