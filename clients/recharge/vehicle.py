"""A vehicle: books a charge, looks up its reservation and cancels it, over MQTT or the old TCP protocol."""

from collections.abc import AsyncIterator, Mapping
from datetime import tzinfo
from types import TracebackType
from typing import Any, Final, Self, get_args

import msgspec

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.protocol import topics
from recharge.account import AccountConnection
from recharge.arguments import InvalidArgument, check_address, check_choice, check_seconds, check_vehicle_id
from recharge.charger import LOCAL
from recharge.errors import NotFound, Refused
from recharge.records import Event, Number, Offer, Protocol, Reservation, Station, Wishes, read_reservation
from recharge.tcp import PORT, TCPConnection

NO_WISHES: Final = Wishes()


class Vehicle:
    """`async with Vehicle("vehicle-7") as vehicle`: the same methods over every protocol.

    Over MQTT, `name` is the account and, without a `client_id`, the MQTT client ID. Over TCP it is the
    vehicle's ID, `gateway` is (host, port), and `zone` is the gateway's time zone: its dates have no offset;
    None is the local zone. With `vehicle_id` an operator acts for another vehicle, and no presence is
    announced.

    Every method that sends a request raises RequestError when the network refuses it (Refused over TCP,
    which gives no reason), OutcomeUnknown without a reply in `timeout` seconds, and ConnectionError when the
    connection is closed or the gateway cannot be reached. Over MQTT a request is retried as with Charger.
    Creating a Vehicle raises ValueError for an argument that cannot be used.
    """

    def __init__(
        self,
        name: str,
        broker: BrokerAddress = LOCAL,
        *,
        protocol: Protocol = "mqtt5",
        gateway: tuple[str, int] = ("127.0.0.1", PORT),
        zone: tzinfo | None = None,
        vehicle_id: int | str | None = None,
        client_id: str | None = None,
        timeout: float = 10.0,
    ) -> None:
        check_choice("protocol", protocol, get_args(Protocol))
        check_seconds("timeout", timeout)
        if vehicle_id is not None:
            check_vehicle_id("vehicle_id", vehicle_id)
        self.name = name
        self._zone = zone
        self._timeout = timeout
        self._vehicle_id = vehicle_id
        self._connection: AccountConnection | TCPConnection
        if protocol == "tcp":
            check_vehicle_id("name", name)
            host, port = gateway
            check_address("gateway", host, port)
            self._connection = TCPConnection(host, port)
            self._vehicle_id = name if vehicle_id is None else vehicle_id
        else:
            self._connection = AccountConnection(
                name,
                broker,
                protocol=protocol,
                client_id=client_id,
                presence=vehicle_id is None,
                events_of=None if vehicle_id is None else str(vehicle_id),
            )

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
        """False while a lost connection to the broker is being restored."""
        return self._connection.connected

    async def book(
        self,
        x: Number,
        y: Number,
        battery: Number,
        capacity: Number,
        wishes: Wishes | None = None,
    ) -> Reservation:
        """Books a charge for a vehicle at (x, y), in kilometres: at the nearest station, or by its wishes.

        `battery` is the charge in percent, `capacity` that of the whole battery in kWh. Returns the
        reservation that the vehicle has already, if any. Raises NotFound when no station has a point, or
        none that fits the wishes. Raises ValueError for wishes over TCP, which does not have them.
        """
        values = {**_need(x, y, battery, capacity), **self._wished(wishes)}
        return self._read(await self._ask("scheduleReservation", values, "vid"))

    async def quote(
        self,
        x: Number,
        y: Number,
        battery: Number,
        capacity: Number,
        wishes: Wishes | None = None,
        offers: int | None = None,
    ) -> list[Offer]:
        """Asks what could be booked, the best first, and books nothing: `book` would get the first of them.

        The arguments are those of `book`, and `offers` is how many at most: 1 to 10, 3 if not given. Raises
        NotFound when nothing fits. Raises ValueError over TCP, which has no quotes.
        """
        self._require_mqtt()
        values = {**_need(x, y, battery, capacity), **self._wished(wishes)}
        if offers is not None:
            values["offers"] = offers
        return msgspec.convert(await self._ask("quoteReservation", values, "vid"), list[Offer])

    async def reservation(self) -> Reservation | None:
        """Returns the scheduled reservation, or None without one."""
        try:
            return self._read(await self._ask("findReservation", {}, "vid"))
        except (NotFound, Refused):
            return None

    async def cancel(self, reservation: Reservation) -> None:
        """Cancels the reservation; one that has started ends now. Raises NotFound when it is over."""
        await self._ask("deleteReservation", {"reservationID": reservation.reservation_id}, "vehicleID")

    async def station(self, station_id: int) -> Station | None:
        """Returns the station, from retained state. None when it is not known, and always over TCP."""
        retained = await self._connection.retained(topics.station_state(station_id))
        return msgspec.json.decode(retained, type=Station) if retained else None

    def events(self) -> AsyncIterator[Event]:
        """Yields the events of the vehicle's reservations, as Charger.events does; none over TCP."""
        return self._connection.events()

    def _wished(self, wishes: Wishes | None) -> dict[str, Any]:
        if wishes is None or wishes == NO_WISHES:
            return {}
        self._require_mqtt()
        values: dict[str, Any] = msgspec.to_builtins(wishes)
        return values

    def _require_mqtt(self) -> None:
        if isinstance(self._connection, TCPConnection):
            raise InvalidArgument(
                "quotes and wishes need protocol mqtt5 or mqtt311: the old protocol does not have them"
            )

    async def _ask(self, action: str, values: Mapping[str, Any], vehicle_key: str) -> Any:
        if self._vehicle_id is not None:
            values = {**values, vehicle_key: self._vehicle_id}
        return await self._connection.request(action, values, self._timeout)

    def _read(self, values: Mapping[str, Any]) -> Reservation:
        return read_reservation(values, self._zone)


def _need(x: Number, y: Number, battery: Number, capacity: Number) -> dict[str, Any]:
    return {"x": x, "y": y, "actualBatteryPercentage": battery, "batteryCapacity": capacity}
