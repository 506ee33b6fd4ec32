"""A vehicle: it books, finds and cancels its reservation, over MQTT or over the old TCP protocol."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from datetime import tzinfo
from types import TracebackType
from typing import Any, Literal, Self, TypeAlias

import msgspec

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.protocol import topics
from cloud_service.protocol.errors import NotFound
from recharge import tcp as legacy
from recharge.account import MQTTClient
from recharge.charger import LOCAL
from recharge.records import Event, Number, Reservation, Station, read_reservation

Protocol: TypeAlias = Literal["mqtt5", "mqtt311", "tcp"]


class Vehicle:
    """`async with Vehicle("vehicle-7") as vehicle`: one vehicle, whatever protocol it speaks.

    On MQTT `name` is the account's name; on TCP, at the gateway's (host, port), it is the vehicle's ID.
    `zone` is the gateway's time zone, in which TCP has its dates; None is this machine's.
    `vehicle_id` is for operators, who may book for others; then the vehicle itself is not said to be online.

    All methods raise RequestError where the service says no, OutcomeUnknown where no reply came within
    `timeout` seconds, and ConnectionError where nothing is reached.
    """

    def __init__(
        self,
        name: str,
        broker: BrokerAddress = LOCAL,
        *,
        protocol: Protocol = "mqtt5",
        gateway: tuple[str, int] = ("127.0.0.1", legacy.PORT),
        zone: tzinfo | None = None,
        vehicle_id: int | str | None = None,
        client_id: str | None = None,
        timeout: float = 10.0,
    ) -> None:
        self.name = name
        self.protocol = protocol
        self._vehicle_id = name if protocol == "tcp" and vehicle_id is None else vehicle_id
        self._gateway = gateway
        self._zone = zone
        self._timeout = timeout
        self._client = (
            None
            if protocol == "tcp"
            else MQTTClient(
                name,
                broker,
                protocol=protocol,
                client_id=client_id,
                presence=vehicle_id is None,
                events_of=None if vehicle_id is None else str(vehicle_id),
            )
        )
        self._open = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Raises ConnectionError where the broker is not reached or refuses the account."""
        if self._client is not None:
            await self._open.enter_async_context(self._client)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._open.aclose()

    async def book(self, x: Number, y: Number, battery: Number, capacity: Number) -> Reservation:
        """Books a charge at the nearest station; a vehicle that has a reservation gets that one.

        `battery` is in percent of `capacity`, which is in kWh.
        """
        values = {"x": x, "y": y, "actualBatteryPercentage": battery, "batteryCapacity": capacity}
        return self._read(await self._ask("scheduleReservation", values, "vid"))

    async def reservation(self) -> Reservation | None:
        """The one that is scheduled; None without one."""
        try:
            return self._read(await self._ask("findReservation", {}, "vid"))
        except (NotFound, legacy.Refused):
            return None

    async def cancel(self, reservation: Reservation) -> None:
        """Cancels it, or ends the charge early."""
        await self._ask("deleteReservation", {"reservationID": reservation.reservation_id}, "vehicleID")

    async def station(self, station_id: int) -> Station | None:
        """Where a station is; None where that is not known, as always on TCP, which has no action for it."""
        if self._client is None:
            return None
        kept = await self._client.retained(topics.station_state(station_id))
        return msgspec.json.decode(kept, type=Station) if kept else None

    def events(self) -> AsyncIterator[Event]:
        """What happens to its reservations from now on; on TCP, nothing. As with Charger, for one reader."""
        return self._client.events() if self._client is not None else _no_events()

    async def _ask(self, action: str, values: Mapping[str, Any], vehicle_key: str) -> Any:
        if self._vehicle_id is not None:
            values = {**values, vehicle_key: self._vehicle_id}
        if self._client is not None:
            return await self._client.request(action, values, self._timeout)
        host, port = self._gateway
        return await legacy.request(action, values, host=host, port=port, seconds=self._timeout)

    def _read(self, values: Mapping[str, Any]) -> Reservation:
        return read_reservation(values, self._zone)


async def _no_events() -> AsyncIterator[Event]:
    return
    yield
