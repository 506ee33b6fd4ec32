"""`recharge vehicle show` and `cancel`, over each protocol and with accounts."""

import asyncio
import json
from collections.abc import Iterator
from typing import get_args

import pytest

from recharge import Charger, Reservation, Vehicle
from recharge.records import Protocol
from tests.integration.client_commands import presence_of
from tests.kit.processes import Stack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A network with one charging point."""
    with Stack(tmp_path_factory.mktemp("reservation")) as running:

        async def build() -> None:
            async with Charger("post", running.address) as charger:
                station = await charger.register_station(1, 2)
                await charger.add_point(station.station_id, 22, 0.5)

        asyncio.run(build())
        yield running


def booked(stack: Stack, name: str, protocol: Protocol) -> Reservation:
    async def book() -> Reservation:
        gateway = ("127.0.0.1", stack.tcp_port)
        async with Vehicle(name, stack.address, protocol=protocol, gateway=gateway) as vehicle:
            return await vehicle.book(1, 2, 50, 11)

    return asyncio.run(book())


@pytest.mark.parametrize("protocol", get_args(Protocol))
def test_a_reservation_is_shown_and_cancelled(stack: Stack, protocol: Protocol) -> None:
    reservation = booked(stack, f"car-{protocol}", protocol)
    words = ("--name", f"car-{protocol}", "--protocol", protocol)

    shown = stack.recharge("vehicle", "show", *words, "--json")
    assert shown.returncode == 0, shown.stderr
    found = json.loads(shown.stdout)
    assert (found["vehicleID"], found["price"]) == (f"car-{protocol}", reservation.price)
    table = stack.recharge("vehicle", "show", *words)
    assert f"Reservation {reservation.reservation_id}" in table.stdout

    cancelled = stack.recharge("vehicle", "cancel", *words)
    assert cancelled.returncode == 0, cancelled.stderr
    assert cancelled.stdout.endswith("The reservation is cancelled\n")
    for action in ("show", "cancel"):
        again = stack.recharge("vehicle", action, *words)
        assert (again.returncode, again.stdout) == (1, f"car-{protocol} has no reservation\n")
    assert stack.recharge("vehicle", "show", *words, "--json").stdout == "null\n"


def test_nothing_is_said_about_the_vehicles_presence(stack: Stack) -> None:
    assert stack.recharge("vehicle", "show", "--name", "absent").returncode == 1
    assert presence_of(stack, "absent") is None


def test_a_vehicle_is_named_and_json_needs_an_action(stack: Stack) -> None:
    nameless = stack.recharge("vehicle", "show")
    assert (nameless.returncode, nameless.stderr) == (1, "recharge vehicle: --name: whose reservation?\n")
    driving = stack.recharge("vehicle", "--json")
    assert driving.returncode == 1
    assert "--json: only with `recharge vehicle show`" in driving.stderr
