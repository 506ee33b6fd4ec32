"""The client library against a network of real processes, and the examples of its page."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from cloud_service.mqtt.requester import Requester
from cloud_service.protocol.errors import BadRequest, Conflict, Forbidden, NotFound
from recharge import (
    BrokerAddress,
    Charger,
    Event,
    Point,
    RequestError,
    Station,
    TariffElement,
    Vehicle,
    Wishes,
)
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


def test_a_charger_tells_of_sessions(stack: Stack) -> None:
    async def charge() -> None:
        async with Charger("teller", stack.address) as charger, Vehicle("comer", stack.address) as vehicle:
            station = await charger.register_station(9600, 5)
            first = await charger.add_point(station.station_id, 22, 0.5)
            second = await charger.add_point(station.station_id, 22, 0.5)
            booked = await vehicle.book(9600, 5, 50, 44)
            assert (booked.point_id, booked.state) == (first.point_id, "reserved")

            begun = await charger.start_charging(station.station_id, second.point_id, vehicle="comer")
            assert begun is not None
            assert (begun.point_id, begun.state) == (second.point_id, "active")
            assert await charger.start_charging(station.station_id, first.point_id, hours=0.5) is None
            with pytest.raises(Conflict):
                await charger.start_charging(station.station_id, first.point_id)
            await charger.finish_charging(station.station_id, second.point_id, energy=21.5)
            with pytest.raises(NotFound):
                await charger.finish_charging(station.station_id, second.point_id)

            scheduled, moved, finished = [await next_event(vehicle) for _ in range(3)]
            assert scheduled.reservation == booked
            assert (moved.type, moved.reason, moved.before) == ("reservationChanged", "pointChanged", booked)
            assert (moved.key_before, moved.reservation) == (booked.key, begun)
            assert (finished.type, finished.reason) == ("reservationFinished", "chargingFinished")
            assert finished.reservation.state == "completed"
            await charger.delete_station(station.station_id)

    asyncio.run(charge())


def test_a_charger_tells_of_meters_and_of_charges_that_are_over(stack: Stack) -> None:
    async def charge() -> None:
        async with Charger("meter", stack.address) as charger, Vehicle("visitor", stack.address) as vehicle:
            station = await charger.register_station(9650, 5)
            point = await charger.add_point(station.station_id, 22, 0.5)
            here = station.station_id, point.point_id
            with pytest.raises(NotFound):
                await charger.meter_charging(*here, 1)
            await charger.start_charging(*here)
            await charger.meter_charging(*here, 1.5, power=11)
            finish = datetime.now(UTC) - timedelta(hours=1)
            start = finish - timedelta(hours=1)
            with pytest.raises(BadRequest, match="finishDateTime"):
                await charger.record_charging(*here, finish, start, 5.5)
            await charger.record_charging(*here, start, finish, 5.5, vehicle="visitor")
            event = await next_event(vehicle)
            assert (event.type, event.reason) == ("reservationFinished", "chargedOffline")
            assert (event.reservation.start, event.reservation.finish) == (start, finish)
            assert event.reservation.price == 2.75
            await charger.finish_charging(*here)
            await charger.delete_station(station.station_id)

    asyncio.run(charge())


def test_a_charger_cancels_and_fails(stack: Stack) -> None:
    async def fail() -> None:
        async with Charger("failing", stack.address) as charger, Vehicle("guest", stack.address) as vehicle:
            station = await charger.register_station(9700, 5)
            night = TariffElement(0.25, "22:00", "06:00", ("MONDAY",))
            point = await charger.add_point(station.station_id, 22, 0.5, tariff=[night])
            other = await charger.add_point(station.station_id, 11, 0.5, operational=False)
            assert await charger.points(station.station_id) == [point, other]
            booked = await vehicle.book(9700, 5, 50, 44)
            await charger.update_point(other, operational=True)
            await charger.update_point(point, operational=False, remove_tariff=True)
            assert (await charger.points(station.station_id))[0].tariff == ()
            _, moved = [await next_event(vehicle) for _ in range(2)]
            assert (moved.reason, moved.before) == ("pointFailed", booked)
            assert moved.reservation.point_id == other.point_id

            await charger.cancel_reservation(moved.reservation)
            cancelled = await next_event(vehicle)
            assert (cancelled.reason, cancelled.reservation.state) == ("chargerCancelled", "cancelled")
            with pytest.raises(NotFound):
                await charger.cancel_reservation(moved.reservation)
            await charger.delete_station(station.station_id)

    asyncio.run(fail())


def test_a_vehicle_quotes_and_books_by_its_wishes(stack: Stack) -> None:
    async def wish() -> None:
        async with Charger("offering", stack.address) as charger, Vehicle("wisher", stack.address) as vehicle:
            station = await charger.register_station(9800, 5, name="Harbour")
            slow = await charger.add_point(station.station_id, 11, 0.5, connector="CHADEMO")
            fast = await charger.add_point(station.station_id, 50, 0.9)
            here = Wishes(station_id=station.station_id, objective="cheapest")
            cheap, dear = await vehicle.quote(9800, 6, 50, 44, here, offers=5)
            assert (cheap.point_id, cheap.price, cheap.connector) == (slow.point_id, 11, "CHADEMO")
            assert (dear.point_id, dear.power, dear.distance, dear.name) == (fast.point_id, 50, 1, "Harbour")
            assert 0 < cheap.wait < 0.2
            assert len(await vehicle.quote(9800, 6, 50, 44, here, offers=1)) == 1
            assert await vehicle.reservation() is None

            later = datetime.now(UTC) + timedelta(hours=1)
            booked = await vehicle.book(
                9800, 6, 50, 44, Wishes(min_power=40, not_before=later, flexible=True)
            )
            assert (booked.point_id, booked.start) == (fast.point_id, later)
            with pytest.raises(NotFound, match="maxPrice"):
                await vehicle.quote(9800, 6, 50, 44, Wishes(max_distance=10, max_price=0.1))
            await charger.delete_station(station.station_id)

    asyncio.run(wish())


def test_the_old_protocol_has_neither_wishes_nor_quotes() -> None:
    vehicle = Vehicle("7", protocol="tcp")
    with pytest.raises(ValueError, match="wishes"):
        asyncio.run(vehicle.book(0, 0, 50, 44, Wishes(flexible=True)))
    with pytest.raises(ValueError, match="quote"):
        asyncio.run(vehicle.quote(0, 0, 50, 44))


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
