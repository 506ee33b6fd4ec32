"""What a charger or a vehicle gets to see: frozen records whose encoded names are the contract's."""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any, Literal, TypeAlias

import msgspec
from msgspec import Struct, field

Number: TypeAlias = int | float
Availability: TypeAlias = Literal["livre", "ocupado", "reservado"]
"""Free, occupied, reserved: the words of the protocol."""


class Station(Struct, frozen=True):
    """A charging station; its location is in kilometres, as a rule."""

    station_id: int = field(name="chargingStationID")
    x: Number = field(name="x_position")
    y: Number = field(name="y_position")


class Point(Struct, frozen=True):
    """A charging point. `power` is in kW; `kwh_price` is the price of one kWh."""

    point_id: int = field(name="chargingPointID")
    station_id: int = field(name="chargingStationID")
    power: Number
    kwh_price: Number = field(name="kWhPrice")
    availability: Availability


class Reservation(Struct, frozen=True):
    """A vehicle's charge on a point. `start` and `finish` are aware, `duration` is in hours, power in kW."""

    reservation_id: int = field(name="reservationID")
    station_id: int = field(name="chargingStationID")
    point_id: int = field(name="chargingPointID")
    power: Number = field(name="chargingPointPower")
    kwh_price: Number = field(name="kWhPrice")
    vehicle_id: int | str = field(name="vehicleID")
    start: datetime = field(name="startDateTime")
    finish: datetime = field(name="finishDateTime")
    duration: Number
    price: Number

    @property
    def key(self) -> tuple[int, int, int]:
        """Station, point and reservation ID: a reservation's number is unique on its point only."""
        return self.station_id, self.point_id, self.reservation_id


class Event(Struct, frozen=True):
    """What the service tells unasked. After a crash of the service it may tell the last ones again."""

    type: Literal["reservationScheduled", "reservationChanged", "reservationCancelled", "reservationFinished"]
    at: datetime
    reservation: Reservation
    reason: str | None = None


def read_reservation(values: Mapping[str, Any], zone: tzinfo | None = None) -> Reservation:
    """Dates without an offset, as the old TCP protocol has them, are in this zone; None is the machine's."""
    reservation = msgspec.convert(values, Reservation)
    return msgspec.structs.replace(
        reservation, start=_aware(reservation.start, zone), finish=_aware(reservation.finish, zone)
    )


def _aware(moment: datetime, zone: tzinfo | None) -> datetime:
    if moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=zone) if zone else moment.astimezone()
