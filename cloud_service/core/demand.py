"""What a vehicle asks for, at its booking and when its reservation has to move."""

from datetime import datetime
from decimal import Decimal
from typing import Self

from msgspec import Struct

from cloud_service.core.exact import as_written, energy_needed
from cloud_service.core.numbers import Number
from cloud_service.core.records import PointKey, Reservation, Station
from cloud_service.core.wishes import Need, Wishes


class Demand(Struct, frozen=True):
    """A place in kilometres, the energy to charge in kWh, and the wishes.

    `since` is when the vehicle is at its place; None is now. `instead_of` is the reservation that is given up
    for a slot: its time counts as free. `apart_from` is a point that does not come into question.
    """

    x: Number
    y: Number
    energy: Decimal
    wishes: Wishes
    since: datetime | None = None
    instead_of: Reservation | None = None
    apart_from: PointKey | None = None

    @classmethod
    def of(cls, need: Need, wishes: Wishes) -> Self:
        """What a booking asks for."""
        return cls(need.x, need.y, energy_needed(need.capacity, need.percentage), wishes)

    @classmethod
    def again(cls, reservation: Reservation, station: Station) -> Self:
        """What a reservation at this station asks for when it moves.

        Old files do not say where its vehicle was: it is looked for from the station on.
        """
        need = reservation.need
        x, y = (station.x, station.y) if need is None else (need.x, need.y)
        since = None if reservation.booked is None else reservation.booked.at
        return cls(x, y, energy_of(reservation), reservation.wishes, since, reservation)


def energy_of(reservation: Reservation) -> Decimal:
    """The energy that a reservation is for, in kWh."""
    if reservation.need is not None:
        return energy_needed(reservation.need.capacity, reservation.need.percentage)
    return as_written(reservation.duration) * as_written(reservation.power)
