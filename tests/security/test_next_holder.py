"""Nothing of a removed account is left for the next holder of its name."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.protocol.messages import Message
from tests.kit.mqtt import VERSIONS, MqttClient, Version
from tests.kit.processes import Stack
from tests.kit.secured import SecuredBroker, SecuredStack
from tests.kit.waiting import until

NEEDS = {"x": 700, "y": 700, "actualBatteryPercentage": 50, "batteryCapacity": 44}


@pytest.fixture(scope="module")
def network(broker: SecuredBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredStack]:
    with SecuredStack(tmp_path_factory.mktemp("network"), broker) as network:
        yield network


@pytest.fixture(scope="module")
def owner(network: SecuredStack) -> Iterator[MqttClient]:
    """The owner of the only station."""
    with network.secured.client("owner-of-all", "charger") as client:
        station = client.ask("newChargingStation", x_position=700, y_position=700)
        client.ask("newChargingPoint", chargingStationID=station, power=22, kWhPrice=1, availability="livre")
        yield client
        client.ask("deleteChargingStation", chargingStationID=station)
    network.secured.accounts(lambda accounts: accounts.remove("owner-of-all"))


@pytest.fixture(scope="module")
def operator(network: SecuredStack) -> Iterator[MqttClient]:
    with network.secured.client("operator-booking", "operator") as client:
        yield client
    network.secured.accounts(lambda accounts: accounts.remove("operator-booking"))


def holder(
    network: Stack, name: str, password: str, version: Version
) -> tuple[AsyncConnection, list[Message]]:
    """A connection whose session the broker keeps, and what it receives."""
    received: list[Message] = []
    address = msgspec.structs.replace(network.address, user=name, password=password)
    connection = AsyncConnection(
        address,
        name,
        protocol=version,
        session_expiry=3600,
        subscriptions=[f"recharge/v1/event/{name}/+", f"recharge/v1/reply/{name}"],
        on_message=received.append,
    )
    return connection, received


async def come_and_go(connection: AsyncConnection) -> None:
    async with connection:
        pass


async def find(connection: AsyncConnection, received: list[Message], name: str) -> None:
    """Asks for the reservation. Whatever waited at the broker arrives before the reply."""
    async with connection:
        await connection.publish(Message(f"recharge/v1/request/findReservation/{name}", b"{}"))
        await until(lambda: any("/reply/" in message.topic for message in received))


@pytest.mark.parametrize("version", VERSIONS)
def test_neither_the_booking_nor_what_waited_goes_to_the_next_holder(
    network: SecuredStack, owner: MqttClient, operator: MqttClient, version: Version
) -> None:
    name = f"passed-on-{version}"
    broker = network.secured
    password = broker.accounts(lambda accounts: accounts.add(name, "vehicle"))
    asyncio.run(come_and_go(holder(network, name, password, version)[0]))
    station = operator.ask("scheduleReservation", vid=name, **NEEDS)["chargingStationID"]
    assert len(owner.ask("receiveAllReservations", chargingStationID=station)) == 1

    broker.accounts(lambda accounts: accounts.remove(name))

    assert owner.ask("receiveAllReservations", chargingStationID=station) == []
    password = broker.accounts(lambda accounts: accounts.add(name, "vehicle"))
    connection, received = holder(network, name, password, version)
    asyncio.run(find(connection, received, name))
    assert [message.topic for message in received] == [f"recharge/v1/reply/{name}"]
    assert b"NOT_FOUND" in received[0].payload
    broker.accounts(lambda accounts: accounts.remove(name))


def test_without_the_service_the_account_goes_and_the_command_says_what_may_be_left(tmp_path: Path) -> None:
    with SecuredBroker(tmp_path) as broker:
        broker.accounts(lambda accounts: accounts.add("unserved", "vehicle"))
        assert not broker.accounts(lambda accounts: accounts.remove("unserved"))
        assert "unserved" not in {
            account.name for account in broker.accounts(lambda accounts: accounts.all())
        }
