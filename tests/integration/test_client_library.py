"""The client library against a network of real processes, and the examples of its page."""

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Literal

import pytest

from cloud_service.mqtt.requester import Requester
from cloud_service.protocol.errors import Conflict, Forbidden, NotFound
from recharge import BrokerAddress, Charger, Event, Point, RequestError, Station, Vehicle
from recharge.charger import PAGE_LENGTH
from tests.integration.client_commands import EXAMPLES, ROOT, presence_of, told
from tests.kit.processes import Process, Stack
from tests.kit.waiting import DEADLINE, wait_until


async def next_event(client: Charger | Vehicle) -> Event:
    async with asyncio.timeout(DEADLINE):
        return await anext(aiter(client.events()))


@pytest.mark.parametrize("protocol", ["mqtt5", "mqtt311"])
def test_a_charger_and_a_vehicle_meet(stack: Stack, protocol: Literal["mqtt5", "mqtt311"]) -> None:
    async def meet() -> None:
        async with (
            Charger(f"post-{protocol}", stack.address, protocol=protocol) as charger,
            Vehicle(f"car-{protocol}", stack.address, protocol=protocol) as vehicle,
        ):
            station = await charger.register_station(9000, 5)
            assert await charger.register_station(9000.0, 5) == station
            point = await charger.add_point(station.station_id, 22, 0.5)
            assert await charger.points(station.station_id) == [point]

            booked = await vehicle.book(9000, 5, 50, 44)
            assert (booked.power, booked.price, booked.duration) == (22, 11, 1)
            assert booked.start.utcoffset() is not None
            assert await vehicle.reservation() == booked
            assert await vehicle.book(9001, 5, 40, 44) == booked
            assert await charger.reservations(station.station_id) == [booked]
            await told(vehicle, station)
            for client in (charger, vehicle):
                event = await next_event(client)
                assert (event.type, event.reservation) == ("reservationScheduled", booked)

            await vehicle.cancel(booked)
            assert await vehicle.reservation() is None
            for client in (charger, vehicle):
                assert (await next_event(client)).type == "reservationCancelled"
            await charger.delete_station(station.station_id)

    asyncio.run(meet())


def test_a_station_and_a_point_are_described(stack: Stack) -> None:
    async def describe() -> None:
        async with Charger("described", stack.address) as charger, Vehicle("reader", stack.address) as reader:
            station = await charger.register_station(9500, 5, name="Town hall", address="Main Street 1")
            point = await charger.add_point(station.station_id, 22, 0.5, connector="CHADEMO")
            assert await charger.points(station.station_id) == [point]
            await told(reader, station)

            moved = await charger.move_station(station.station_id, 9501, 5, address=None)
            assert (moved.name, moved.address) == (None, None), "a name that was left out is not told"
            await told(reader, Station(station.station_id, 9501, 5, name="Town hall"))

            unknown = Point(point.point_id, point.station_id, 30, 0.5, "livre")
            await charger.update_point(unknown)
            assert (await charger.points(station.station_id))[0].connector == "CHADEMO"
            await charger.update_point(unknown, remove_connector=True)
            assert (await charger.points(station.station_id))[0] == unknown
            await charger.delete_station(station.station_id)

    asyncio.run(describe())


def test_refusals_are_typed(stack: Stack) -> None:
    async def ask() -> None:
        async with Charger("typed-a", stack.address) as ours, Charger("typed-b", stack.address) as other:
            station = await ours.register_station(8000, 1)
            with pytest.raises(Conflict):
                await other.register_station(8000, 1)
            with pytest.raises(Forbidden):
                await other.points(station.station_id)
            with pytest.raises(NotFound):
                await ours.delete_point(Point(99, station.station_id, 1, 1, "livre"))
            with pytest.raises(RequestError, match="power"):
                await ours.add_point(station.station_id, -1, 1)
            moved = await ours.move_station(station.station_id, 8000, 2)
            assert moved == Station(station.station_id, 8000, 2)
            await ours.delete_station(station.station_id)

    asyncio.run(ask())


@pytest.mark.parametrize("protocol", ["mqtt5", "mqtt311"])
def test_a_list_of_several_pages_is_whole(stack: Stack, protocol: Literal["mqtt5", "mqtt311"]) -> None:
    long = PAGE_LENGTH + 20

    async def list_all() -> None:
        async with (
            Charger(f"operator-long-{protocol}", stack.address, protocol=protocol) as charger,
            Requester(stack.address, "operator-books") as books,
        ):
            station = await charger.register_station(-7000, len(protocol))
            here = {"x": -7000, "y": len(protocol), "actualBatteryPercentage": 0, "batteryCapacity": 1}
            added = await asyncio.gather(
                *(charger.add_point(station.station_id, 22, 0.5) for _ in range(long))
            )
            vehicles = {f"{protocol}-{number}" for number in range(long)}
            await asyncio.gather(
                *(books.request("scheduleReservation", {**here, "vid": vehicle}) for vehicle in vehicles)
            )
            points = await charger.points(station.station_id)
            reservations = await charger.reservations(station.station_id)
            assert {point.point_id for point in points} == {point.point_id for point in added}
            assert len(points) == len(reservations) == long
            assert {reservation.vehicle_id for reservation in reservations} == vehicles
            await charger.delete_station(station.station_id)

    asyncio.run(list_all())


def test_presence_lasts_as_long_as_the_block(stack: Stack) -> None:
    async def be_there() -> None:
        async with Charger("there", stack.address):
            # Entering does not wait until the broker has the presence message.
            await asyncio.to_thread(wait_until, lambda: presence_of(stack, "there"), "it is there")

    asyncio.run(be_there())
    assert presence_of(stack, "there") is False


def test_a_name_that_cannot_be_an_account_is_refused_before_connecting() -> None:
    with pytest.raises(ValueError, match="not an account name"):
        Charger("a/b")
    with pytest.raises(ValueError, match="cannot act as a"):
        Charger("a", BrokerAddress(user="b"))


def test_a_broker_that_is_not_there_is_named(stack: Stack) -> None:
    async def connect() -> None:
        async with Vehicle("lonely", BrokerAddress(port=1)):
            pass

    with pytest.raises(ConnectionError, match="cannot be reached"):
        asyncio.run(connect())


# The examples of docs/clients.md


def test_the_examples_run(stack: Stack, tmp_path: Path) -> None:
    log = tmp_path / "charger.log"
    environment = {**stack.environment, "PYTHONPATH": str(ROOT)}
    charger = Process("charger.py", [sys.executable, str(EXAMPLES / "charger.py")], log, environment)
    charger.start()
    try:
        wait_until(lambda: "is online" in charger.tail(), "the example's charger is online")
        vehicle = subprocess.run(
            [sys.executable, str(EXAMPLES / "vehicle.py")],
            env=environment,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=True,
        )
        assert vehicle.stdout.startswith("station ")
        wait_until(lambda: "reservationCancelled my-vehicle" in charger.tail(), "the charger hears of it")
        assert "reservationScheduled my-vehicle" in charger.tail()
    finally:
        charger.kill()


@pytest.mark.parametrize("example", ["charger.py", "vehicle.py"])
def test_the_page_quotes_the_examples_of_the_library(example: str) -> None:
    page = (ROOT / "docs" / "clients.md").read_text()
    assert f"```python\n{(EXAMPLES / example).read_text()}```" in page
