"""The records of the network. In JSON, their fields have the names of the contract."""

from collections.abc import Iterable
from datetime import datetime
from operator import attrgetter
from typing import Final, Literal, TypeAlias

from msgspec import Struct, field, to_builtins

from cloud_service.core.numbers import Number
from cloud_service.core.tariffs import Tariff
from cloud_service.core.wishes import NO_WISHES, Booked, Need, Wishes

Availability: TypeAlias = Literal["livre", "ocupado", "reservado"]
"""Free, occupied, reserved, in the words of the legacy protocol."""

FREE: Final = "livre"
OCCUPIED: Final = "ocupado"
RESERVED: Final = "reservado"

GATEWAY: Final = "gateway"
"""The owner of all stations of legacy clients, and of those whose owner is not known."""

PointKey: TypeAlias = tuple[int, int]
"""Station ID, point ID: a point's ID is unique only in its station."""

State: TypeAlias = Literal["reserved", "active", "completed", "cancelled", "noShow"]
"""The state of a reservation (contract, section 5). Reserved and active ones are scheduled."""

ReservationKey: TypeAlias = tuple[int, int, int]
"""Station ID, point ID, reservation ID: a reservation's ID is unique only on its point."""

VehicleKey: TypeAlias = tuple[bool, str]
"""Whether the vehicle is a legacy client's, and its ID as text: 7 and "7" are the same vehicle."""


class Station(Struct, frozen=True, gc=False):
    """A charging station. Its location is in kilometres on a plane.

    `owner` is the name of the account that registered it; all gateways own their stations as `gateway`.
    `last_point_id` is the largest point ID ever given in this station, 0 before the first.
    `name` and `address` are for people; clients of the legacy protocol and the three files know neither.
    """

    station_id: int = field(name="chargingStationID")
    x: Number = field(name="x_position")
    y: Number = field(name="y_position")
    owner: str = GATEWAY
    last_point_id: int = field(name="lastChargingPointID", default=0)
    name: str | None = None
    address: str | None = None

    @property
    def location(self) -> tuple[Number, Number]:
        """Numbers that are equal give the same location: 5 and 5.0, 0 and -0.0."""
        return self.x, self.y

    def public(self) -> dict[str, object]:
        """The station as legacy clients see it, and as the files have it."""
        return {"chargingStationID": self.station_id, "x_position": self.x, "y_position": self.y}

    def described(self) -> dict[str, object]:
        """The station as clients on MQTT see it: with the name and the address that it has."""
        described = self.public()
        if self.name is not None:
            described["name"] = self.name
        if self.address is not None:
            described["address"] = self.address
        return described


class Point(Struct, frozen=True, gc=False, omit_defaults=True):
    """A charging point. `power` is in kW; `kwh_price` is the price of one kWh.

    `last_reservation_id` is the largest reservation ID ever given on this point, 0 before the first.
    `connector` is a ConnectorType of OCPI. `operational` is False while its charger says that the point is
    out of order. `tells_sessions` says whether a session has ever begun here: without that, nobody can tell
    whether a vehicle came. Of the `tariff`, the first element that fits counts.
    Clients of the legacy protocol and the three files have none of these.
    """

    point_id: int = field(name="chargingPointID")
    station_id: int = field(name="chargingStationID")
    power: Number
    kwh_price: Number = field(name="kWhPrice")
    availability: Availability
    last_reservation_id: int = field(name="lastReservationID", default=0)
    connector: str | None = None
    operational: bool = True
    tells_sessions: bool = field(name="tellsSessions", default=False)
    tariff: Tariff = ()

    @property
    def key(self) -> PointKey:
        return self.station_id, self.point_id

    def public(self) -> dict[str, object]:
        """The point as legacy clients see it, and as the files have it."""
        return {
            "chargingPointID": self.point_id,
            "chargingStationID": self.station_id,
            "power": self.power,
            "kWhPrice": self.kwh_price,
            "availability": self.availability,
        }

    def described(self) -> dict[str, object]:
        """The point as clients on MQTT see it: with its connector and tariff, if it has them."""
        described = self.public()
        if self.connector is not None:
            described["connector"] = self.connector
        if self.tariff:
            described["tariff"] = [element.public() for element in self.tariff]
        return described


class Reservation(Struct, frozen=True, gc=False, omit_defaults=True):
    """A vehicle's claim on a point from `start` to `finish`, which are in UTC.

    `power` is in kW, `duration` in hours, `price` is for the whole charge. All stay as they were booked,
    unless the reservation moves. `need` is None for one from old files. `booked` is known where it counts: of
    flexible ones, who booked first moves up first; with a speed, the vehicle sets out then.
    `legacy` distinguishes a vehicle of the legacy protocol from an MQTT account of the same name.
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
    legacy: bool = True

    @property
    def key(self) -> ReservationKey:
        return self.station_id, self.point_id, self.reservation_id

    state: State = "reserved"
    need: Need | None = None
    wishes: Wishes = NO_WISHES
    booked: Booked | None = None

    @property
    def point_key(self) -> PointKey:
        return self.station_id, self.point_id

    @property
    def vehicle(self) -> VehicleKey:
        return self.legacy, str(self.vehicle_id)

    def public(self) -> dict[str, object]:
        """The reservation as legacy clients see it, and as the files have it. Dates have their offset."""
        return {
            "reservationID": self.reservation_id,
            "chargingStationID": self.station_id,
            "chargingPointID": self.point_id,
            "chargingPointPower": self.power,
            "kWhPrice": self.kwh_price,
            "vehicleID": self.vehicle_id,
            "startDateTime": iso_text(self.start),
            "finishDateTime": iso_text(self.finish),
            "duration": self.duration,
            "price": self.price,
        }

    def described(self, connector: str | None = None) -> dict[str, object]:
        """The reservation as clients on MQTT see it: with its state, and its point's connector if given."""
        described = self.public()
        described["state"] = self.state
        if connector is not None:
            described["connector"] = connector
        return described


_key = attrgetter("station_id", "point_id", "reservation_id")


def iso_text(moment: datetime) -> str:
    """What `isoformat` returns for a moment in UTC, in a seventh of its time."""
    text: str = to_builtins(moment)
    return text.replace("Z", "+00:00")


def reservation_keys(reservations: Iterable[Reservation]) -> tuple[ReservationKey, ...]:
    """The keys of many reservations, in a third of the time that their properties take."""
    return tuple(map(_key, reservations))
