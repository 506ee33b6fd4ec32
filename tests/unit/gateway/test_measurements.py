"""What the gateway counts."""

from datetime import UTC, datetime
from typing import Any, cast

import msgspec
import pytest

from cloud_service.gateway.figures import GatewayFigures
from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.protocol.errors import NotFound
from tests.kit.waiting import until
from tests.unit.gateway.clients import PATIENT, Gateway

NOW = datetime(2026, 3, 1, tzinfo=UTC)
STATION = {"newChargingStation": True, "x_position": 1, "y_position": 2}
BOOKING = {
    "scheduleReservation": True,
    "vid": 1,
    "x": 0,
    "y": 0,
    "actualBatteryPercentage": 5,
    "batteryCapacity": 9,
}


class Broker:
    connected = True
    logins = 1
    outstanding = 0


def figures(gateway: Gateway) -> GatewayFigures:
    broker = cast(AsyncConnection, Broker())
    gateway.measurements.take(gateway.server.connections, broker, NOW, NOW)
    assert gateway.measurements.latest is not None
    return gateway.measurements.latest


async def test_requests_and_connections_are_counted() -> None:
    def answer(action: str, _values: Any) -> Any:
        if action == "newChargingStation":
            return 1
        raise NotFound

    async with Gateway(answer) as gateway:
        client = await gateway.connect()
        assert await client.ask(STATION) == b"1"
        assert await client.ask({**STATION, "x_position": "far"}) == b"None"
        assert await client.ask({"findReservation": True, "vid": 1}) == b"None"
        seen = figures(gateway)
        assert seen.requests == {
            ("newChargingStation", "ok"): 1,
            ("none", "BAD_REQUEST"): 1,
            ("findReservation", "NOT_FOUND"): 1,
        }
        assert (seen.connections, seen.accepted) == (1, 1)
        assert seen.mqtt_reconnects == 0
        client.close()
        await until(lambda: figures(gateway).connections == 0)


@pytest.mark.parametrize(
    ("limit", "kind"),
    [("max_connections", "connections"), ("max_connections_per_address", "connectionsPerAddress")],
)
async def test_refused_connections_are_counted_by_reason(limit: str, kind: str) -> None:
    async with Gateway(lambda *_: 1, msgspec.structs.replace(PATIENT, **{limit: 1})) as gateway:
        first = await gateway.connect()
        assert await first.ask(STATION) == b"1"
        await gateway.connect()
        await until(lambda: figures(gateway).refusals[kind,] == 1)


async def test_refused_bookings_are_counted() -> None:
    reservation = {"chargingStationID": 1, "chargingPointID": 1, "reservationID": 1}
    dates = dict.fromkeys(("startDateTime", "finishDateTime"), "2026-03-01T00:00:00+00:00")

    def answer(action: str, _values: Any) -> Any:
        if action == "findReservation":
            raise NotFound
        return reservation | dates

    async with Gateway(answer, msgspec.structs.replace(PATIENT, max_bookings_per_address=1)) as gateway:
        client = await gateway.connect()
        assert b"reservationID" in await client.ask(BOOKING)
        assert await client.ask(BOOKING) == b""
        assert figures(gateway).refusals["bookings",] == 1
