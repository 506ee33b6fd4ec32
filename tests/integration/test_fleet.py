"""A thousand vehicles at once, over MQTT and over TCP: all get a reservation, and none overlap on a point."""

import asyncio
import json
import random
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cloud_service.mqtt.requester import Requester
from tests.kit.processes import HOST, Stack

STATIONS = 40
VEHICLES = 1000
AT_ONCE = 50
MARGIN = timedelta(minutes=5)
ZONE = "America/Sao_Paulo"

Booking = tuple[tuple[int, int], datetime, datetime]
"""Station and point, start, finish."""


def test_a_fleet_books_at_once_and_everything_outlives_a_restart(tmp_path: Path) -> None:
    stack = Stack(tmp_path, time_zone=ZONE)
    with stack:
        reservations = asyncio.run(fleet(stack))
    assert len(reservations) == VEHICLES
    assert_apart(reservations)

    stations = json.loads((stack.data_dir / "charging_stations.json").read_text())
    points = json.loads((stack.data_dir / "charging_points.json").read_text())
    on_disk = json.loads((stack.data_dir / "reservations.json").read_text())
    assert (len(stations), len(points)) == (STATIONS, 2 * STATIONS)
    assert sorted(booking(row, None) for row in on_disk) == sorted(reservations)
    assert {str(row["vehicleID"]) for row in on_disk} == {vehicle(number) for number in range(VEHICLES)}

    with stack:
        asyncio.run(assert_found_again(stack, on_disk))


def vehicle(number: int) -> str:
    return f"fleet-{number}"


async def fleet(stack: Stack) -> list[Booking]:
    """Every second vehicle is a legacy client; the others have an MQTT connection each."""
    await build_stations(stack)
    room = asyncio.Semaphore(AT_ONCE)
    chance = random.Random(4)

    async def book(number: int) -> Booking:
        values = {
            "vid": vehicle(number),
            "x": chance.uniform(0, 100),
            "y": chance.uniform(0, 100),
            "actualBatteryPercentage": chance.randint(0, 90),
            "batteryCapacity": chance.randint(20, 100),
        }
        async with room:
            if number % 2:
                return booking(await ask_over_tcp(stack, scheduleReservation=True, **values), ZoneInfo(ZONE))
            async with Requester(stack.address, vehicle(number)) as requester:
                return booking(await requester.request("scheduleReservation", values, timeout=60), None)

    return await asyncio.gather(*(book(number) for number in range(VEHICLES)))


async def build_stations(stack: Stack) -> None:
    chance = random.Random(2)
    async with Requester(stack.address, "operator-fleet") as operator:
        for _ in range(STATIONS):
            location = {"x_position": chance.uniform(0, 100), "y_position": chance.uniform(0, 100)}
            station = await operator.request("newChargingStation", location)
            for power in (7.2, 50):
                point = {"chargingStationID": station, "power": power, "kWhPrice": 1, "availability": "livre"}
                await operator.request("newChargingPoint", point)


async def ask_over_tcp(stack: Stack, **values: Any) -> Any:
    reader, writer = await asyncio.open_connection(HOST, stack.tcp_port)
    try:
        writer.write(json.dumps(values).encode())
        writer.write_eof()
        return json.loads(await reader.read())
    finally:
        writer.close()


async def assert_found_again(stack: Stack, on_disk: list[dict[str, Any]]) -> None:
    """Each vehicle finds its reservation where it booked it, and no other."""
    for row in on_disk[::20]:
        number = int(row["vehicleID"].removeprefix("fleet-"))
        if number % 2:
            found = await ask_over_tcp(stack, findReservation=True, vid=row["vehicleID"])
            assert booking(found, ZoneInfo(ZONE)) == booking(row, None)
        else:
            async with Requester(stack.address, row["vehicleID"]) as requester:
                assert await requester.request("findReservation", {}) == row | {"state": "reserved"}


def booking(row: dict[str, Any], zone: tzinfo | None) -> Booking:
    start, finish = (datetime.fromisoformat(row[key]) for key in ("startDateTime", "finishDateTime"))
    if zone is not None:
        assert start.tzinfo is None
        start, finish = start.replace(tzinfo=zone), finish.replace(tzinfo=zone)
    assert finish - start == timedelta(hours=row["duration"])
    return (row["chargingStationID"], row["chargingPointID"]), start, finish


def assert_apart(reservations: list[Booking]) -> None:
    for (point, _, finish), (next_point, start, _) in pairwise(sorted(reservations)):
        assert point != next_point or start >= finish + MARGIN
