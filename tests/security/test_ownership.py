"""Stations go from one account to another, and no account goes while it owns some."""

import socket
from collections.abc import Iterator

import pytest

from cloud_service.accounts.broker_accounts import AccountsError
from tests.kit.mqtt import MqttClient
from tests.kit.processes import HOST
from tests.kit.secured import SecuredBroker, SecuredStack


@pytest.fixture(scope="module")
def network(broker: SecuredBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredStack]:
    with SecuredStack(tmp_path_factory.mktemp("network"), broker) as network:
        yield network


@pytest.fixture
def charger(network: SecuredStack) -> Iterator[MqttClient]:
    with network.secured.client("owner", "charger") as client:
        yield client
    network.secured.accounts(lambda accounts: accounts.remove("owner", leave_stations=True))


@pytest.fixture
def successor(network: SecuredStack) -> Iterator[MqttClient]:
    with network.secured.client("successor", "charger") as client:
        yield client
    network.secured.accounts(lambda accounts: accounts.remove("successor", leave_stations=True))


def test_transfer_hands_over_all_stations(
    network: SecuredStack, charger: MqttClient, successor: MqttClient
) -> None:
    first = charger.outcome("newChargingStation", x_position=1, y_position=1)
    second = charger.outcome("newChargingStation", x_position=2, y_position=1)
    point = charger.outcome(
        "newChargingPoint", chargingStationID=first, power=22, kWhPrice=1, availability="livre"
    )
    assert successor.outcome("deleteChargingStation", chargingStationID=first) == "FORBIDDEN"

    assert network.secured.accounts(lambda accounts: accounts.transfer("owner", "successor")) == 2

    assert charger.outcome("receiveAllChargingPoints", chargingStationID=first) == "FORBIDDEN"
    points = successor.outcome("receiveAllChargingPoints", chargingStationID=first)
    assert [each["chargingPointID"] for each in points] == [point]
    assert successor.outcome("newChargingStation", x_position=2, y_position=1) == second
    assert network.secured.accounts(lambda accounts: accounts.transfer("owner", "successor")) == 0

    network.service.stop()
    network.start_service()
    assert successor.outcome("deleteChargingStation", chargingStationID=first) == "Sucesso"
    assert successor.outcome("deleteChargingStation", chargingStationID=second) == "Sucesso"


def test_what_the_gateway_owns_can_be_handed_over(network: SecuredStack, successor: MqttClient) -> None:
    with socket.create_connection((HOST, network.tcp_port)) as legacy:
        legacy.sendall(b'{"newChargingStation": true, "x_position": 9, "y_position": 9}')
        station = int(legacy.recv(4096))
    assert successor.outcome("deleteChargingStation", chargingStationID=station) == "FORBIDDEN"
    assert network.secured.accounts(lambda accounts: accounts.transfer("gateway", "successor")) == 1
    assert successor.outcome("deleteChargingStation", chargingStationID=station) == "Sucesso"


def test_an_account_with_stations_is_not_removed(
    network: SecuredStack, charger: MqttClient, successor: MqttClient
) -> None:
    station = charger.outcome("newChargingStation", x_position=5, y_position=5)
    with pytest.raises(AccountsError, match=r"owns 1 station.*transfer owner"):
        network.secured.accounts(lambda accounts: accounts.remove("owner"))
    assert charger.outcome("receiveAllReservations", chargingStationID=station) == []
    network.secured.accounts(lambda accounts: accounts.transfer("owner", "successor"))
    assert successor.outcome("deleteChargingStation", chargingStationID=station) == "Sucesso"


def test_only_who_can_own_stations_is_handed_some(network: SecuredStack) -> None:
    network.secured.accounts(lambda accounts: accounts.add("heir", "vehicle"))
    with pytest.raises(AccountsError, match="heir is a vehicle"):
        network.secured.accounts(lambda accounts: accounts.transfer("gateway", "heir"))


def test_without_the_service_nothing_is_removed(
    broker: SecuredBroker, network: SecuredStack, charger: MqttClient
) -> None:
    network.service.stop()
    try:
        with pytest.raises(AccountsError, match="does not answer"):
            broker.accounts(lambda accounts: accounts.remove("owner"))
    finally:
        network.start_service()
    assert charger.outcome("newChargingStation", x_position="wrong", y_position=0) == "BAD_REQUEST"


def test_the_audit_log_tells_it(network: SecuredStack, charger: MqttClient, successor: MqttClient) -> None:
    station = charger.outcome("newChargingStation", x_position=6, y_position=6)
    for _ in range(30):
        assert successor.outcome("deleteChargingStation", chargingStationID=station) == "FORBIDDEN"
    network.secured.accounts(lambda accounts: accounts.transfer("owner", "successor"))
    assert successor.outcome("deleteChargingStation", chargingStationID=station) == "Sucesso"
    network.service.stop()
    network.start_service()
    events = network.audited()
    assert {"serviceStarted", "serviceStopped"} <= {event["event"] for event in events}
    transferred = [event for event in events if event["event"] == "stationsTransferred"][-1]
    assert (transferred["from"], transferred["to"], transferred["count"]) == ("owner", "successor", 1)
    assert transferred["by"] == "administrator"
    refused = [
        event for event in events if event["event"] == "requestRefused" and event["client"] == "successor"
    ]
    assert refused[-1]["action"] == "deleteChargingStation"
    assert refused[-1]["code"] == "FORBIDDEN"
    more = [event["more"] for event in events if event["event"] == "requestsRefused"]
    assert len(refused) + sum(more) >= 30
    assert len(refused) < 30
