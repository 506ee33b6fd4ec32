"""A charger: an account that owns stations and their points."""

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from cloud_service.mqtt.address import BrokerAddress
from recharge.account import AccountConnection
from recharge.arguments import check_seconds
from recharge.records import (
    KEEP,
    Availability,
    Connector,
    Described,
    Event,
    MQTTProtocol,
    Number,
    Operational,
    Point,
    Reservation,
    Station,
    TariffElement,
    read_reservation,
)

LOCAL: Final = BrokerAddress()
"""An open broker on this machine, on port 1883."""
PAGE_LENGTH: Final = 500
"""The longest reservations, 500 of them, fit into a reply."""
_POINT_KEY: Final = ("chargingPointID",)
_RESERVATION_KEY: Final = ("chargingPointID", "reservationID")


class Charger:
    """`async with Charger("charger-7") as charger`: online while the block runs.

    `name` is the account and, without a `client_id`, the MQTT client ID. At most `limit` requests are
    outstanding; further ones wait. Without `presence` the account is not announced as online.

    A request is retried with the same request ID while the network is busy or unreachable, for up to
    `timeout` seconds. Every method that sends one raises RequestError when the network refuses it,
    OutcomeUnknown without a reply in time, and ConnectionError when the connection is closed. Creating a
    Charger raises ValueError for an argument that cannot be used.
    """

    def __init__(
        self,
        name: str,
        broker: BrokerAddress = LOCAL,
        *,
        protocol: MQTTProtocol = "mqtt5",
        client_id: str | None = None,
        limit: int = 100,
        timeout: float = 10.0,
        presence: bool = True,
    ) -> None:
        check_seconds("timeout", timeout)
        self.name = name
        self._connection = AccountConnection(
            name, broker, protocol=protocol, client_id=client_id, limit=limit, presence=presence
        )
        self._timeout = timeout

    async def __aenter__(self) -> Self:
        """Connects. Raises ConnectionError when the broker cannot be reached or rejects the account."""
        await self._connection.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._connection.__aexit__(kind, error, trace)

    @property
    def connected(self) -> bool:
        """False while a lost connection is being restored."""
        return self._connection.connected

    async def register_station(
        self, x: Number, y: Number, *, name: Described = KEEP, address: Described = KEEP
    ) -> Station:
        """Registers a station, or returns the one that this account has at this location.

        `x` and `y` are in kilometres. A `name` (128 characters at most) and an `address` (256) are set in
        both cases; None removes them, and without them the station keeps those that it has, which the
        record does not tell. Raises Conflict when another account has a station there.
        """
        values = {"x_position": x, "y_position": y, "name": name, "address": address}
        return Station(await self._ask("newChargingStation", _given(values)), x, y, **_texts(name, address))

    async def move_station(
        self, station_id: int, x: Number, y: Number, *, name: Described = KEEP, address: Described = KEEP
    ) -> Station:
        """Changes the location, in kilometres, and the name and the address as `register_station` does.

        Raises Conflict when another station is there.
        """
        values = {"chargingStationID": station_id, "x_position": x, "y_position": y}
        await self._ask("updateChargingStation", _given({**values, "name": name, "address": address}))
        return Station(station_id, x, y, **_texts(name, address))

    async def delete_station(self, station_id: int) -> None:
        """Deletes a station and its points, and cancels their reservations."""
        await self._ask("deleteChargingStation", {"chargingStationID": station_id})

    async def add_point(
        self,
        station_id: int,
        power: Number,
        kwh_price: Number,
        availability: Availability = "livre",
        *,
        connector: Connector | None = None,
        operational: bool = True,
        tariff: Sequence[TariffElement] = (),
    ) -> Point:
        """Adds a point. `power` is in kW, `kwh_price` is the price of one kWh.

        One that is not `operational` takes no reservations. Where an element of the `tariff` fits, its price
        counts instead of `kwh_price`.
        """
        values: dict[str, Any] = {
            "chargingStationID": station_id,
            "power": power,
            "kWhPrice": kwh_price,
            "availability": availability,
        }
        if connector is not None:
            values["connector"] = connector
        if not operational:
            values["operational"] = False
        if tariff:
            values["tariff"] = msgspec.to_builtins(tariff)
        point_id = await self._ask("newChargingPoint", values)
        return Point(point_id, station_id, power, kwh_price, availability, connector, tuple(tariff))

    async def update_point(
        self,
        point: Point,
        *,
        remove_connector: bool = False,
        remove_tariff: bool = False,
        operational: Operational = KEEP,
    ) -> Point:
        """Sets the power, the price and the availability of the point with this record's IDs.

        Sets its connector and its tariff as well, if the record has them. Otherwise the point keeps those
        that it has, unless `remove_connector` or `remove_tariff`. A point that is not `operational` takes no
        new reservations, and those that start soon move elsewhere.
        """
        values = _given({**msgspec.to_builtins(point), "operational": operational})
        if remove_connector:
            point, values["connector"] = msgspec.structs.replace(point, connector=None), None
        if remove_tariff:
            point, values["tariff"] = msgspec.structs.replace(point, tariff=()), None
        await self._ask("updateChargingPoint", values)
        return point

    async def delete_point(self, point: Point) -> None:
        """Deletes a point and cancels its reservations."""
        values = {"chargingPointID": point.point_id, "chargingStationID": point.station_id}
        await self._ask("deleteChargingPoint", values)

    async def points(self, station_id: int) -> list[Point]:
        """Lists the station's points, however many it has."""
        found = await self._list("receiveAllChargingPoints", station_id, key=_POINT_KEY)
        return msgspec.convert(found, list[Point])

    async def reservations(self, station_id: int) -> list[Reservation]:
        """Lists the scheduled reservations at the station, however many it has."""
        found = await self._list("receiveAllReservations", station_id, key=_RESERVATION_KEY)
        return [read_reservation(values) for values in found]

    async def start_charging(
        self,
        station_id: int,
        point_id: int,
        vehicle: int | str | None = None,
        hours: Number | None = None,
    ) -> Reservation | None:
        """Tells that a vehicle is there and charges. Returns the reservation that this begins.

        None: the vehicle has no reservation, and holds the point for `hours` (1 if not given). `vehicle` is
        its ID, if the charger knows it. Raises Conflict when the point is in use or reserved for somebody
        else, or when the vehicle charges elsewhere.
        """
        known = {"vehicleID": vehicle, "hours": hours}
        values = {"chargingStationID": station_id, "chargingPointID": point_id, **_told(known)}
        begun = await self._ask("startCharging", values)
        return None if begun is None else read_reservation(begun)

    async def finish_charging(self, station_id: int, point_id: int, energy: Number | None = None) -> None:
        """Tells that the vehicle has gone; `energy` is what it has charged, in kWh.

        Its reservation is completed, and the point is free. Raises NotFound when nothing charges there.
        """
        values = {"chargingStationID": station_id, "chargingPointID": point_id, **_told({"energy": energy})}
        await self._ask("finishCharging", values)

    async def meter_charging(
        self, station_id: int, point_id: int, energy: Number, power: Number | None = None
    ) -> None:
        """Tells what the vehicle has charged so far, in kWh, and with which power, in kW.

        Less energy than was told before is taken for an older reading, and changes nothing. Raises NotFound
        when nothing charges there.
        """
        values = {"chargingStationID": station_id, "chargingPointID": point_id, "energy": energy}
        await self._ask("meterCharging", {**values, **_told({"power": power})})

    async def record_charging(
        self,
        station_id: int,
        point_id: int,
        start: datetime,
        finish: datetime,
        energy: Number,
        vehicle: int | str | None = None,
    ) -> None:
        """Tells of a charge that is over, of which this charger could not tell while it went on.

        It counts in reports. The point, its session and its reservations stay as they are. Both times need a
        time zone.
        """
        values = {
            "chargingStationID": station_id,
            "chargingPointID": point_id,
            "startDateTime": start.isoformat(),
            "finishDateTime": finish.isoformat(),
            "energy": energy,
        }
        await self._ask("recordCharging", {**values, **_told({"vehicleID": vehicle})})

    async def cancel_reservation(self, reservation: Reservation) -> None:
        """Cancels a reservation at one of this account's points, and has its vehicle told.

        Raises NotFound when it is over.
        """
        station_id, point_id, reservation_id = reservation.key
        values = {"chargingStationID": station_id, "chargingPointID": point_id}
        await self._ask("cancelReservation", {**values, "reservationID": reservation_id})

    def events(self) -> AsyncIterator[Event]:
        """Yields the events of this account's stations until the connection is closed.

        Supports one reader. Keeps the latest 1,000 unread events; misses those of a lost connection.
        """
        return self._connection.events()

    async def _list(self, action: str, station_id: int, *, key: Sequence[str]) -> list[Mapping[str, Any]]:
        """Asks for a list page by page: as a whole it may be too large for a reply.

        An element that moves to the next page meanwhile is listed once. A service without pages sends the
        whole list each time, which ends it.
        """
        found: dict[tuple[Any, ...], Mapping[str, Any]] = {}
        offset = 0
        while True:
            known = len(found)
            values = {"chargingStationID": station_id, "limit": PAGE_LENGTH, "offset": offset}
            page = await self._ask(action, values)
            found |= {tuple(element[name] for name in key): element for element in page}
            if len(page) < PAGE_LENGTH or len(found) == known:
                return list(found.values())
            offset += len(page)

    async def _ask(self, action: str, values: Mapping[str, Any]) -> Any:
        return await self._connection.request(action, values, self._timeout)


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not KEEP}


def _told(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


def _texts(name: Described, address: Described) -> dict[str, str | None]:
    return {
        "name": name if isinstance(name, str) else None,
        "address": address if isinstance(address, str) else None,
    }
