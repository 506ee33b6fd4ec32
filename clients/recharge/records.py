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

State: TypeAlias = Literal["reserved", "active", "completed", "cancelled", "noShow"]
"""What has become of a reservation. Reserved and active ones are scheduled."""
Objective: TypeAlias = Literal["nearest", "earliest", "soonest", "cheapest"]
"""By what the network chooses: the nearest station, the earliest start, the soonest finish with the way there
counted, or the lowest price."""
DayOfWeek: TypeAlias = Literal["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]

Described: TypeAlias = str | UnsetType | None
"""A name or an address that is given; None removes it, and KEEP leaves it as it is."""
KEEP: Final = UNSET
"""Stands for a description that is left as it is."""
Operational: TypeAlias = bool | UnsetType
"""Whether a point is in order; KEEP leaves it as it is."""


class Station(Struct, frozen=True):
    """A charging station. `x` and `y` are kilometres east and north of the origin.

    `name` and `address` are for people; None where there are none, or where they are not known.
    """

    station_id: int = field(name="chargingStationID")
    x: Number = field(name="x_position")
    y: Number = field(name="y_position")
    name: str | None = None
    address: str | None = None


class TariffElement(Struct, frozen=True, omit_defaults=True):
    """A price of one kWh at some times, in terms of OCPI. None, and no days: at all times.

    The times are "HH:MM" in the time zone of the service; one that ends before it starts goes over midnight.
    """

    kwh_price: Number = field(name="kWhPrice")
    start_time: str | None = None
    end_time: str | None = None
    day_of_week: tuple[DayOfWeek, ...] = ()


class Point(Struct, frozen=True, omit_defaults=True):
    """A charging point. `power` is in kW, `kwh_price` is the price of one kWh.

    `point_id` is unique at its station only. `connector` is None where it is not known. Of the `tariff`, the
    first element that fits a moment has the price; where none fits, `kwh_price` counts.
    """

    point_id: int = field(name="chargingPointID")
    station_id: int = field(name="chargingStationID")
    power: Number
    kwh_price: Number = field(name="kWhPrice")
    availability: Availability
    connector: str | None = None
    tariff: tuple[TariffElement, ...] = ()


class Reservation(Struct, frozen=True):
    """A vehicle's claim on a point from `start` to `finish`.

    `power` is in kW, `duration` in hours. `price` is that of the whole charge, `kwh_price` that of one kWh.
    Both dates carry an offset. `state` is None over TCP, which does not tell it.
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
    state: State | None = None

    @property
    def key(self) -> tuple[int, int, int]:
        """Station, point and reservation ID: a reservation ID is unique at its point only."""
        return self.station_id, self.point_id, self.reservation_id


class Wishes(Struct, frozen=True, omit_defaults=True):
    """What a vehicle wishes of a charge. None: no such wish.

    `speed` is in km/h, `range` and `max_distance` are in kilometres, `min_power` is in kW, `max_price` is the
    price of one kWh. `not_before` carries an offset. A `flexible` reservation moves by itself to a time that
    is at least five minutes earlier, as soon as one becomes free.
    """

    objective: Objective = "nearest"
    speed: Number | None = None
    range: Number | None = None
    max_distance: Number | None = field(name="maxDistance", default=None)
    min_power: Number | None = field(name="minPower", default=None)
    max_price: Number | None = field(name="maxPrice", default=None)
    not_before: datetime | None = field(name="notBefore", default=None)
    station_id: int | None = field(name="chargingStationID", default=None)
    point_id: int | None = field(name="chargingPointID", default=None)
    connector: Connector | None = None
    flexible: bool = False


class Offer(Struct, frozen=True):
    """A charge that could be booked now. `distance` is in kilometres, `power` in kW.

    `duration` is in hours, and so is `wait`: from the arrival, or from now if no speed was given. `price` is
    that of the whole charge, `kwh_price` that of one kWh. `name` and `address` are the station's.
    """

    station_id: int = field(name="chargingStationID")
    point_id: int = field(name="chargingPointID")
    distance: Number
    power: Number = field(name="chargingPointPower")
    kwh_price: Number = field(name="kWhPrice")
    start: datetime = field(name="startDateTime")
    finish: datetime = field(name="finishDateTime")
    duration: Number
    price: Number
    wait: Number
    name: str | None = None
    address: str | None = None
    connector: str | None = None


class Event(Struct, frozen=True):
    """Something that happened to a reservation, at `at`. docs/mqtt.md, "Events", lists the reasons.

    `before` is the reservation as it was, if it has moved. After a crash of the service the latest events may
    arrive again.
    """

    type: Literal[
        "reservationScheduled",
        "reservationChanged",
        "reservationCancelled",
        "reservationFinished",
        "reservationNoShow",
    ]
    at: datetime
    reservation: Reservation
    reason: str | None = None
    before: Reservation | None = None

    @property
    def key_before(self) -> tuple[int, int, int]:
        """The key that the reservation had until then: one that moves to another point has a new ID."""
        return (self.before or self.reservation).key


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
