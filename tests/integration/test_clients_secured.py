"""The clients with no more than their accounts' rights, over TLS."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from cloud_service.accounts.broker_accounts import AccountRole
from cloud_service.config.environment import to_environment
from recharge import BrokerAddress, BrokerRefused, Charger, Vehicle
from tests.integration.client_commands import EXAMPLES, told
from tests.kit.processes import HOST, Process, clean_environment
from tests.kit.secured import SecuredBroker, SecuredStack
from tests.kit.waiting import DEADLINE, wait_until


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredStack]:
    with (
        SecuredBroker(tmp_path_factory.mktemp("broker")) as broker,
        SecuredStack(tmp_path_factory.mktemp("network"), broker) as network,
    ):
        yield network


def account(network: SecuredStack, name: str, role: AccountRole) -> BrokerAddress:
    password = network.secured.accounts(lambda accounts: accounts.add(name, role))
    authority = network.secured.folders.ca_file
    return BrokerAddress(HOST, network.secured.tls_port, name, password, authority)


@pytest.mark.parametrize("protocol", ["mqtt5", "mqtt311"])
def test_a_charger_and_a_vehicle_meet(network: SecuredStack, protocol: Literal["mqtt5", "mqtt311"]) -> None:
    chargers = account(network, f"post-{protocol}", "charger")
    vehicles = account(network, f"car-{protocol}", "vehicle")

    async def meet() -> None:
        async with (
            Charger(f"post-{protocol}", chargers, protocol=protocol) as charger,
            Vehicle(f"car-{protocol}", vehicles, protocol=protocol) as vehicle,
            asyncio.timeout(DEADLINE),
        ):
            station = await charger.register_station(100, 100)
            await charger.add_point(station.station_id, 22, 0.9)
            booked = await vehicle.book(100, 100, 50, 44)
            await told(vehicle, station)
            for client in (charger, vehicle):
                assert (await anext(aiter(client.events()))).reservation == booked
            await vehicle.cancel(booked)
            await charger.delete_station(station.station_id)

    asyncio.run(meet())


@pytest.mark.parametrize("protocol", ["mqtt5", "mqtt311"])
def test_a_failed_login_names_the_account_and_what_to_check(
    network: SecuredStack, protocol: Literal["mqtt5", "mqtt311"]
) -> None:
    port = network.secured.port

    async def connect() -> None:
        address = BrokerAddress(HOST, port, password="guessed")
        async with Vehicle("nobody", address, protocol=protocol):
            pass

    with pytest.raises(BrokerRefused) as caught:
        asyncio.run(connect())
    assert f"nobody@{HOST}:{port} refused the login: Not authorized" in str(caught.value)
    assert "is there an account nobody with this password" in str(caught.value)


@pytest.mark.parametrize(
    "words",
    [
        ["request", "findReservation"],
        ["charger", "--yes", "--x", "1", "--y", "1"],
        ["vehicle", "--yes"],
        ["import", str(EXAMPLES / "stations.csv")],
    ],
    ids=lambda words: words[0],
)
def test_every_command_names_the_account_of_a_failed_login(
    network: SecuredStack, tmp_path: Path, words: list[str]
) -> None:
    environment = clean_environment(
        RECHARGE_MQTT_PORT=str(network.secured.port),
        RECHARGE_MQTT_USER="operator-nobody",
        RECHARGE_MQTT_PASSWORD="guessed",
        XDG_STATE_HOME=str(tmp_path),
    )
    done = subprocess.run(
        [sys.executable, "-m", "cloud_service", *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 1
    assert f"operator-nobody@{HOST}:{network.secured.port} refused the login: Not authorized" in done.stderr
    assert "is there an account operator-nobody with this password" in done.stderr
    assert "Traceback" not in done.stderr


def command(network: SecuredStack, folder: Path, address: BrokerAddress, *words: str) -> Process:
    environment = clean_environment(
        RECHARGE_MQTT_PORT=str(address.port),
        RECHARGE_MQTT_USER=address.user or "",
        RECHARGE_MQTT_PASSWORD=address.password or "",
        RECHARGE_MQTT_CA_FILE=str(address.ca_file),
        RECHARGE_TCP_PORT=str(network.tcp_port),
    )
    return Process(words[0], [sys.executable, "-m", "cloud_service", *words], folder / "log", environment)


def test_a_demo_lives_with_an_operators_account(network: SecuredStack, tmp_path: Path) -> None:
    demo = command(
        network, tmp_path, account(network, "operator-demo", "operator"), "demo", "--time-scale", "3000"
    )
    demo.start()
    try:
        wait_until(
            lambda: demo.tail().count("left the charging point") >= 3 or not demo.running, "they charge"
        )
        demo.check()
        assert demo.stop() == 0
    finally:
        if demo.running:
            demo.kill()
    assert "refuses" not in demo.tail()


def test_an_import_works_with_an_operators_account(network: SecuredStack, tmp_path: Path) -> None:
    address = account(network, "operator-import", "operator")
    imported = command(network, tmp_path, address, "import", str(EXAMPLES / "stations.csv"))
    imported.start()
    wait_until(lambda: not imported.running, "the import has ended")
    assert "13  points in the file" in imported.tail()
    assert "13  added" in imported.tail()


def test_an_operator_cancels_the_reservation_of_any_vehicle(network: SecuredStack) -> None:
    posts, cars = account(network, "post-op", "charger"), account(network, "car-op", "vehicle")
    operator = account(network, "operator-desk", "operator")

    async def book() -> None:
        async with Charger("post-op", posts) as charger, Vehicle("car-op", cars) as vehicle:
            station = await charger.register_station(300, 300)
            await charger.add_point(station.station_id, 22, 0.9)
            await vehicle.book(300, 300, 50, 44)

    asyncio.run(book())
    cancelled = reservation_command(operator, "cancel", "car-op")
    assert json.loads(cancelled.stdout)["vehicleID"] == "car-op", cancelled.stderr
    shown = reservation_command(cars, "show", "car-op")
    assert (shown.returncode, shown.stdout) == (1, "null\n"), shown.stderr


def reservation_command(address: BrokerAddress, action: str, name: str) -> "subprocess.CompletedProcess[str]":
    password = {"RECHARGE_MQTT_PASSWORD": str(address.password)}
    return subprocess.run(
        [sys.executable, "-m", "cloud_service", "vehicle", action, "--name", name, "--json"],
        env={**clean_environment(), **to_environment(address), **password},
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
