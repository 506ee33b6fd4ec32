"""What a charger or a vehicle receives: frozen records, encoded with the contract's keys."""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any, Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Struct, UnsetType, field

from cloud_service.protocol.connectors import Connector as Connector

Number: TypeAlias = int | float
MQTTProtocol: TypeAlias = Literal["mqtt5", "mqtt311"]
Protocol: TypeAlias = Literal["mqtt5", "mqtt311", "tcp"]
Availability: TypeAlias = Literal["livre", "ocupado", "reservado"]
"""Free, occupied, reserved."""

Described: TypeAlias = str | UnsetType | None
"""A name or an address that is given; None removes it, and KEEP leaves it as it is."""
KEEP: Final = UNSET
"""Stands for a description that is left as it is."""


class Station(Struct, frozen=True):
    """A charging station. `x` and `y` are kilometres east and north of the origin.

    `name` and `address` are for people; None where there are none, or where they are not known.
    """

    station_id: int = field(name="chargingStationID")
    x: Number = field(name="x_position")
    y: Number = field(name="y_position")
    name: str | None = None
    address: str | None = None


class Point(Struct, frozen=True, omit_defaults=True):
    """A charging point. `power` is in kW, `kwh_price` is the price of one kWh.

    `point_id` is unique at its station only. `connector` is None where it is not known.
    """

    point_id: int = field(name="chargingPointID")
    station_id: int = field(name="chargingStationID")
    power: Number
    kwh_price: Number = field(name="kWhPrice")
    availability: Availability
    connector: str | None = None


class Reservation(Struct, frozen=True):
    """A vehicle's claim on a point from `start` to `finish`.

    `power` is in kW, `duration` in hours. `price` is that of the whole charge, `kwh_price` that of one kWh.
    Both dates carry an offset.
    """

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
        """Station, point and reservation ID: a reservation ID is unique at its point only."""
        return self.station_id, self.point_id, self.reservation_id


class Event(Struct, frozen=True):
    """Something that happened to a reservation, at `at`. docs/mqtt.md, "Events", lists the reasons.

    After a crash of the service the latest events may arrive again.
    """

    type: Literal["reservationScheduled", "reservationChanged", "reservationCancelled", "reservationFinished"]
    at: datetime
    reservation: Reservation
    reason: str | None = None


def read_reservation(values: Mapping[str, Any], zone: tzinfo | None = None) -> Reservation:
    """Reads a reservation. Dates without an offset (TCP has them) are in `zone`; None is the local zone."""
    reservation = msgspec.convert(values, Reservation)
    return msgspec.structs.replace(
        reservation, start=_aware(reservation.start, zone), finish=_aware(reservation.finish, zone)
    )


def _aware(moment: datetime, zone: tzinfo | None) -> datetime:
    if moment.tzinfo is not None:
        return moment
    return moment.replace(tzinfo=zone) if zone else moment.astimezone()
