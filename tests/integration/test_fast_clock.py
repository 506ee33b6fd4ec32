"""A network in which time passes faster, for demonstrations."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

import pytest

from recharge import Charger, Station, Vehicle, Wishes
from recharge.account import AccountConnection
from recharge.simulator.incidents import CHARGER
from recharge.simulator.network_clock import NetworkClock, read_clock
from tests.integration.client_commands import command
from tests.kit.processes import Stack
from tests.kit.waiting import wait_until


@pytest.fixture(scope="module")
def fast(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A minute takes a second."""
    with Stack(tmp_path_factory.mktemp("fast"), clock_speed="60") as running:
        yield running


async def _add_station(stack: Stack, x: int) -> Station:
    """Its charger announces no presence, so it does not count as offline afterwards."""
    async with Charger("fast-charger", stack.address, presence=False) as charger:
        station = await charger.register_station(x, 0)
        await charger.add_point(station.station_id, 50, 1)
        return station


def test_bookings_are_made_by_the_clock_of_the_network(fast: Stack) -> None:
    station = asyncio.run(_add_station(fast, 5000))

    async def book() -> timedelta:
        async with Vehicle("early", fast.address) as vehicle:
            first = await vehicle.book(5000, 0, 50, 1, Wishes(station_id=station.station_id))
            await vehicle.cancel(first)
            await asyncio.sleep(1)
            second = await vehicle.book(5000, 0, 50, 1, Wishes(station_id=station.station_id))
            await vehicle.cancel(second)
            return second.start - first.start

    assert asyncio.run(book()) >= timedelta(minutes=1)


def test_requests_expire_by_the_clock_of_their_clients(fast: Stack) -> None:
    """Over TCP and MQTT 3.1.1 a request says until when it is valid."""
    made = fast.recharge("request", "--tcp", "newChargingStation", "x_position=5100", "y_position=0")
    assert made.returncode == 0, made.stderr
    assert int(made.stdout) > 0

    late = int(datetime.now(UTC).timestamp() * 1000) - 1
    words = ("newChargingStation", "x_position=5101", "y_position=0", f"expiresAt={late}")
    expired = fast.recharge("request", *words, "--timeout", "1", "--client", "late")
    assert expired.returncode == 1
    assert "no reply" in expired.stderr


@pytest.mark.parametrize("ending", ["stop", "kill"])
def test_time_goes_on_when_the_service_starts_again(ending: Literal["stop", "kill"], tmp_path: Path) -> None:
    """What was promised in an hour would otherwise be promised in two."""
    with Stack(tmp_path, clock_speed="900") as stack:
        asyncio.run(_add_station(stack, 0))
        clock = asyncio.run(_clock(stack))
        wait_until(lambda: _ahead(stack) > timedelta(hours=1), "the network is an hour ahead")
        before = asyncio.run(_next_start(stack))
        getattr(stack.service, ending)()
        stack.start_service()
        assert asyncio.run(_next_start(stack)) >= before
        assert asyncio.run(_clock(stack)) == clock


def _ahead(stack: Stack) -> timedelta:
    return asyncio.run(_next_start(stack)) - datetime.now(UTC)


async def _next_start(stack: Stack) -> datetime:
    async with Vehicle("asks", stack.address) as vehicle:
        offers = await vehicle.quote(0, 0, 50, 1)
        return offers[0].start


async def _clock(stack: Stack) -> NetworkClock:
    return await read_clock(AccountConnection("reads-the-clock", stack.address, presence=False))


@pytest.mark.parametrize("protocol", ["mqtt5", "mqtt311"])
def test_a_vehicle_keeps_the_time_of_the_network(
    fast: Stack, tmp_path: Path, protocol: Literal["mqtt5", "mqtt311"]
) -> None:
    x = 5200 if protocol == "mqtt5" else 5300
    asyncio.run(_add_station(fast, x))
    words = ("vehicle", "--yes", "--seed", "1", "--name", f"fast-{protocol}", "--protocol", protocol)
    driven = fast.recharge(*words, "--x", str(x), "--battery", "20.5", "--capacity", "2")
    assert driven.returncode == 0, driven.stdout + driven.stderr
    assert "time passes 60 times as fast" in driven.stdout
    assert "left the charging point" in driven.stdout


def test_the_demo_shows_how_a_day_goes_wrong_and_leaves_its_points_in_order(
    fast: Stack, tmp_path: Path
) -> None:
    with command(fast, tmp_path, "demo", "--chargers", "1", "--vehicles", "1", "--seed", "7") as demo:

        def said(text: str) -> bool:
            return text in demo.log.read_text() or not demo.running

        wait_until(lambda: said(f"{CHARGER}  demo-never-comes has not come to point 2"), "a no-show", 120)
        demo.check()
        assert demo.stop() == 0
        lines = demo.log.read_text()
    unlucky, following, flexible = (
        next(line for line in lines.splitlines() if f"  {name} moves from station" in line)
        for name in ("demo-at-the-failing-point", "demo-next-in-line", "demo-flexible")
    )
    assert unlucky.endswith(": the point is out of order")
    assert following.endswith(": another vehicle stays longer at the point")
    assert flexible.endswith(": an earlier time is free")

    station_id = int(lines.partition(f"{CHARGER}  Station ")[2].partition(" ")[0])
    need = ("x=0", "y=0", "actualBatteryPercentage=0", "batteryCapacity=1", "offers=10")
    asked = fast.recharge("request", "quoteReservation", *need, f"chargingStationID={station_id}", "vid=1")
    assert asked.returncode == 0, asked.stderr
    assert {offer["chargingPointID"] for offer in json.loads(asked.stdout)} == {1, 2, 3}
