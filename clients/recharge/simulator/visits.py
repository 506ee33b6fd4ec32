"""When a charger's points are occupied, as pure functions of its reservations."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

import msgspec
from msgspec import Struct

from recharge.records import Reservation
from recharge.simulator.network_clock import MACHINE_CLOCK, NetworkClock


class Visit(Struct, frozen=True):
    """A vehicle at a point from `begins` to `ends`, in real time, for `energy` kWh."""

    key: tuple[int, int, int]
    """The reservation's key."""
    vehicle_id: int | str
    begins: datetime
    ends: datetime
    energy: float

    @property
    def point_id(self) -> int:
        return self.key[1]

    def share(self, arrived: datetime, now: datetime) -> float:
        """Returns the part of the visit, from 0 to 1, that a vehicle has had that arrived then."""
        whole, had = self.ends - self.begins, min(now, self.ends) - max(arrived, self.begins)
        return max(0.0, had / whole) if whole else 1.0


MARGIN: Final = timedelta(minutes=5)
"""What the network leaves free after each charge."""


def plan_visit(
    reservation: Reservation, now: datetime, time_scale: float, clock: NetworkClock = MACHINE_CLOCK
) -> Visit:
    """Plans the visit for a reservation; every wait from now on is `time_scale` times shorter.

    The service's clock may account for some of that, or all.
    """
    still = time_scale / clock.speed

    def scaled(moment: datetime) -> datetime:
        return now + (clock.when(moment) - now) / still

    return Visit(
        reservation.key,
        reservation.vehicle_id,
        scaled(reservation.start),
        scaled(reservation.finish),
        reserved_energy(reservation),
    )


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


def present(visits: Iterable[Visit], now: datetime) -> dict[int, Visit]:
    """Returns the visits that are under way, by the IDs of their points."""
    return {visit.point_id: visit for visit in visits if visit.begins <= now < visit.ends}


def next_change(visits: Iterable[Visit], now: datetime) -> datetime | None:
    """Returns when the next vehicle arrives or leaves, or None when no one is expected."""
    moments = (moment for visit in visits for moment in (visit.begins, visit.ends) if moment > now)
    return min(moments, default=None)
