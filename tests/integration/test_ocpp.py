"""Chargers that speak OCPP, through the gateway, the broker and the service as they run anywhere else."""

import asyncio
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloud_service.ocpp.schemas import Version
from tests.kit.mqtt import MqttClient
from tests.kit.ocpp import VERSIONS, OcppGatewayProcess, connected
from tests.kit.ocpp_site import Site
from tests.kit.processes import Stack
from tests.kit.relay import Relay
from tests.kit.waiting import until, wait_until


@pytest.fixture(scope="module")
def gateway(stack: Stack) -> Iterator[OcppGatewayProcess]:
    with OcppGatewayProcess(stack) as process:
        yield process


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> Version:
    return request.param


@pytest.fixture
def site(stack: Stack) -> Site:
    return Site(stack)


async def test_a_charge_from_boot_to_stop(
    gateway: OcppGatewayProcess, stack: Stack, site: Site, version: Version
) -> None:
    site.add()
    async with connected(gateway, site.identity, version) as charger:
        assert await charger.boot() == "Accepted"
        for connector in (1, 2):
            await charger.status("Available", connector)
        site.await_states("free", "free")
        assert [point["connector"] for point in site.points()] == [None, "IEC_62196_T2"]
        vehicle = f"car-{site.x}"
        booked = site.book(stack, vehicle)
        assert await charger.authorize(vehicle.upper())
        transaction = await charger.start(vehicle.upper(), 1000)
        assert transaction is not None
        site.await_states("occupied", "free")
        await charger.measure(transaction, 3500, 7200)
        (charge,) = site.listed()["transactions"]
        assert (charge["energy"], charge["power"]) == (2.5, 7.2)
        wait_until(lambda: site.reading() == (2.5, 7.2), "everybody sees what the meter has told")
        await charger.stop(transaction, 13_250)
        site.await_states("free", "free")
    assert _energy(stack, booked) == 12.25


async def test_a_fault_is_out_of_order_until_it_is_over(
    gateway: OcppGatewayProcess, site: Site, version: Version
) -> None:
    site.add()
    async with connected(gateway, site.identity, version) as charger:
        await charger.boot()
        for connector in (1, 2):
            await charger.status("Available", connector)
        await charger.status("Faulted", 2)
        site.await_states("free", "outOfOrder")
        await charger.status("Available", 2)
        site.await_states("free", "free")


async def test_an_unknown_charger_waits_without_any_effect(
    gateway: OcppGatewayProcess, stack: Stack, site: Site, version: Version
) -> None:
    async with connected(gateway, site.identity, version) as charger:
        assert await charger.boot() == "Pending"
        await charger.status("Available")
        assert not await charger.authorize("anybody")
        assert await charger.start("anybody", 0) is None
        assert site.points() == []
        assert site.identity in stack.recharge("ocpp", "pending").stdout
        site.add("accept")
        site.await_states("free", "free")
        assert site.identity not in stack.recharge("ocpp", "pending").stdout
        assert await charger.boot() == "Accepted"


async def test_a_charger_goes_and_comes(gateway: OcppGatewayProcess, stack: Stack, site: Site) -> None:
    site.add()
    with MqttClient(stack.mqtt_port, f"monitor-{site.x}") as monitor:
        monitor.subscribe(f"recharge/v1/presence/{site.identity}")
        for _ in range(2):
            async with connected(gateway, site.identity, "1.6") as charger:
                await charger.boot()
                assert json.loads(monitor.next().payload) == {"online": True, "through": "ocpp-gateway"}
            assert json.loads(monitor.next().payload) == {"online": False}


async def test_a_deleted_point_is_made_again_at_the_next_connection(
    gateway: OcppGatewayProcess, stack: Stack, site: Site, version: Version
) -> None:
    site.add()
    async with connected(gateway, site.identity, version) as charger:
        await charger.boot()
        await charger.status("Available", 2)
        first = site.listed()
        with MqttClient(stack.mqtt_port, f"operator-{site.x}") as operator:
            values = {"chargingStationID": first["station"], "chargingPointID": first["points"]["2"]}
            assert operator.ask("deleteChargingPoint", **values) == "Sucesso"
        site.await_states("free")
        for status in ("Occupied", "Faulted", "Available"):
            await charger.status(status, 2)
        assert await charger.start(f"visitor-{site.x}", 1000, connector=2) is None
        site.await_states("free")
    for _ in range(2):
        async with connected(gateway, site.identity, version) as charger:
            await charger.boot()
            assert site.listed()["points"] == {**first["points"], "2": 3}, "no ID is given twice"
    async with connected(gateway, site.identity, version) as charger:
        assert await charger.start(f"visitor-{site.x}", 2000, connector=2) is not None
        site.await_states("free", "occupied")


async def test_the_newest_connection_counts(gateway: OcppGatewayProcess, site: Site) -> None:
    site.add()
    async with (
        connected(gateway, site.identity, "1.6") as old,
        connected(gateway, site.identity, "1.6") as new,
    ):
        assert await new.boot() == "Accepted"
        await old.socket.wait_closed()
        assert old.socket.close_code == 1008
        await new.status("Available")
        assert site.listed()["online"]


async def test_a_transaction_survives_the_death_of_the_gateway(
    gateway: OcppGatewayProcess, stack: Stack, site: Site, version: Version
) -> None:
    site.add()
    async with connected(gateway, site.identity, version) as charger:
        await charger.boot()
        await charger.status("Available")
        booked = site.book(stack, f"car-{site.x}")
        transaction = await charger.start(f"car-{site.x}", 1000)
        assert transaction is not None
        gateway.kill()
    gateway.start()
    async with connected(gateway, site.identity, version) as charger:
        await charger.stop(transaction, 5000)
        await charger.stop(transaction, 5000)
        site.await_states("free", "free")
    assert _energy(stack, booked) == 4


async def test_a_charge_while_nobody_was_connected_is_history(
    gateway: OcppGatewayProcess, stack: Stack, site: Site, version: Version
) -> None:
    site.add()
    began, ended = (datetime.now(UTC) - timedelta(hours=hours) for hours in (3, 2))
    async with connected(gateway, site.identity, version) as charger:
        await charger.boot()
        await charger.status("Available")
        booked = site.book(stack, f"car-{site.x}")
        for _ in range(2):  # it repeats what it has stored, until it has got all answers
            transaction = await charger.start("visitor", 1000, at=began.isoformat())
            assert transaction is not None
            await charger.stop(transaction, 6500, at=ended.isoformat())
        site.await_states("reserved", "free")
    assert _energy(stack, booked) == 5.5


async def test_a_reservation_is_shown_at_the_charger(
    gateway: OcppGatewayProcess, stack: Stack, site: Site, version: Version
) -> None:
    site.add()
    vehicle = f"car-{site.x}"
    async with connected(gateway, site.identity, version) as charger:
        await charger.boot()
        await asyncio.to_thread(site.book, stack, vehicle)
        await until(lambda: charger.asked)
        ((action, values),) = charger.asked
        assert action == "ReserveNow"
        assert values.get("id_tag", values.get("id_token", {"id_token": ""})["id_token"]) == vehicle
        assert values.get("connector_id", values.get("evse_id")) == 1
        await asyncio.to_thread(site.leave, stack, vehicle)
        await until(lambda: len(charger.asked) > 1)
        number = values.get("reservation_id", values.get("id"))
        assert charger.asked[1] == ("CancelReservation", {"reservation_id": number})


async def test_operators_command_chargers(
    gateway: OcppGatewayProcess, stack: Stack, site: Site, version: Version
) -> None:
    site.add()
    for words, asked in (
        (("reset", "--hard"), "Reset"),
        (("disable", "--connector", "2"), "ChangeAvailability"),
        (("trigger", "--message", "StatusNotification"), "TriggerMessage"),
        (("start", "--tag", "ana"), ("RemoteStartTransaction", "RequestStartTransaction")),
    ):
        async with connected(gateway, site.identity, version) as charger:
            await charger.boot()
            command = ("ocpp", words[0], site.identity, *words[1:])
            done = await asyncio.to_thread(stack.recharge, *command)
            assert (done.stdout, done.returncode) == ("Accepted\n", 0), done.stderr
            ((action, _),) = charger.asked
            assert action in asked
    done = stack.recharge("ocpp", "reset", site.identity)
    assert done.returncode == 1
    assert "is not connected" in done.stderr


async def test_an_operator_stops_the_charge_on_a_connector(
    gateway: OcppGatewayProcess, stack: Stack, site: Site
) -> None:
    site.add()
    async with connected(gateway, site.identity, "2.0.1") as charger:
        await charger.boot()
        stop = ("ocpp", "stop", site.identity, "--connector", "1")
        done = await asyncio.to_thread(stack.recharge, *stop)
        assert (done.returncode, charger.asked) == (1, []), "there is none yet"
        assert "has no charge there" in done.stderr
        transaction = await charger.start(f"car-{site.x}", 1000)
        done = await asyncio.to_thread(stack.recharge, *stop)
        assert (done.stdout, done.returncode) == ("Accepted\n", 0), done.stderr
        ((_, values),) = charger.asked
        assert values["transaction_id"] == transaction


async def test_a_charger_whose_place_is_taken_away_waits_again(
    gateway: OcppGatewayProcess, stack: Stack, site: Site
) -> None:
    site.add()
    async with connected(gateway, site.identity, "1.6") as charger:
        assert await charger.boot() == "Accepted"
        done = await asyncio.to_thread(stack.recharge, "ocpp", "remove", site.identity)
        assert done.returncode == 0, done.stderr
        while await charger.boot() != "Pending":
            await asyncio.sleep(0.05)
        assert await charger.start("anybody", 0) is None
    done = stack.recharge("ocpp", "remove", site.identity)
    assert done.returncode == 1
    assert "has no place" in done.stderr


async def test_it_stops_while_the_broker_is_away(stack: Stack, site: Site) -> None:
    name = {"mqtt_user": "ocpp-gateway-away", "mqtt_password": "any"}
    with Relay(stack.mqtt_port) as relay:
        gateway = OcppGatewayProcess(stack, mqtt_port=str(relay.port), **name)
        gateway.start()
        async with connected(gateway, site.identity, "1.6", "any") as charger:
            await charger.boot()
            relay.passing.clear()
            assert await asyncio.to_thread(gateway.stop) == 0, gateway.tail()


def test_a_host_that_nobody_knows(stack: Stack) -> None:
    password = stack.folder / "lost.password"
    password.write_text("any")
    login = ("--mqtt-user", "ocpp-gateway-lost", "--mqtt-password-file", str(password))
    done = stack.recharge("ocpp-gateway", "--ocpp-host", "nowhere.invalid", "--ocpp-port", "0", *login)
    assert done.returncode == 1
    assert "cannot listen on nowhere.invalid, port 0: Name or service not known" in done.stderr


def test_the_gateway_is_seen(gateway: OcppGatewayProcess, stack: Stack) -> None:
    done = stack.recharge("status", "--json")
    assert done.returncode == 0, done.stderr
    assert ("ocpp-gateway", True) in [
        (each["name"], each["online"]) for each in json.loads(done.stdout)["services"]
    ]
    assert stack.recharge("health", "ocpp-gateway").returncode == 0


def _energy(stack: Stack, booked: dict[str, Any]) -> float:
    """What the report says was charged at the station of a reservation, which is all of its charges."""
    done = stack.recharge("report", "--json")
    assert done.returncode == 0, done.stderr
    stations = json.loads(done.stdout)["stations"]
    (figures,) = (each for each in stations if each["chargingStationID"] == booked["chargingStationID"])
    assert figures["charges"] == 1
    return figures["kWh"]
