"""Stations go from one account to another, and no account goes while it owns some."""

import socket
from collections.abc import Iterator

import pytest

from cloud_service.accounts.broker_accounts import AccountsError
from tests.security.broker import HOST, Broker
from tests.security.network import Client, Network


@pytest.fixture(scope="module")
def network(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    network = Network(broker, tmp_path_factory.mktemp("network"))
    network.start()
    yield network
    network.stop()


@pytest.fixture
def charger(network: Network) -> Iterator[Client]:
    with _added(network, "owner") as client:
        yield client
    network.broker.accounts(lambda accounts: accounts.remove("owner", leave_stations=True))


@pytest.fixture
def successor(network: Network) -> Iterator[Client]:
    with _added(network, "successor") as client:
        yield client
    network.broker.accounts(lambda accounts: accounts.remove("successor", leave_stations=True))


def _added(network: Network, name: str) -> Client:
    return Client(
        network.broker, name, network.broker.accounts(lambda accounts: accounts.add(name, "charger"))
    )


def test_transfer_hands_over_all_stations(network: Network, charger: Client, successor: Client) -> None:
    first = charger.ask("newChargingStation", x_position=1, y_position=1)
    second = charger.ask("newChargingStation", x_position=2, y_position=1)
    point = charger.ask(
        "newChargingPoint", chargingStationID=first, power=22, kWhPrice=1, availability="livre"
    )
    assert successor.ask("deleteChargingStation", chargingStationID=first) == "FORBIDDEN"

    assert network.broker.accounts(lambda accounts: accounts.transfer("owner", "successor")) == 2

    assert charger.ask("receiveAllChargingPoints", chargingStationID=first) == "FORBIDDEN"
    points = successor.ask("receiveAllChargingPoints", chargingStationID=first)
    assert [each["chargingPointID"] for each in points] == [point]
    assert successor.ask("newChargingStation", x_position=2, y_position=1) == second
    assert network.broker.accounts(lambda accounts: accounts.transfer("owner", "successor")) == 0

    network.service.stop()
    network.start_service()
    assert successor.ask("deleteChargingStation", chargingStationID=first) == "Sucesso"
    assert successor.ask("deleteChargingStation", chargingStationID=second) == "Sucesso"


def test_what_the_gateway_owns_can_be_handed_over(network: Network, successor: Client) -> None:
    with socket.create_connection((HOST, network.tcp_port)) as legacy:
        legacy.sendall(b'{"newChargingStation": true, "x_position": 9, "y_position": 9}')
        station = int(legacy.recv(4096))
    assert successor.ask("deleteChargingStation", chargingStationID=station) == "FORBIDDEN"
    assert network.broker.accounts(lambda accounts: accounts.transfer("gateway", "successor")) == 1
    assert successor.ask("deleteChargingStation", chargingStationID=station) == "Sucesso"


def test_an_account_with_stations_is_not_removed(
    network: Network, charger: Client, successor: Client
) -> None:
    station = charger.ask("newChargingStation", x_position=5, y_position=5)
    with pytest.raises(AccountsError, match=r"owns 1 station.*transfer owner"):
        network.broker.accounts(lambda accounts: accounts.remove("owner"))
    assert charger.ask("receiveAllReservations", chargingStationID=station) == []
    network.broker.accounts(lambda accounts: accounts.transfer("owner", "successor"))
    assert successor.ask("deleteChargingStation", chargingStationID=station) == "Sucesso"


def test_only_who_can_own_stations_is_handed_some(network: Network) -> None:
    network.broker.accounts(lambda accounts: accounts.add("heir", "vehicle"))
    with pytest.raises(AccountsError, match="heir is a vehicle"):
        network.broker.accounts(lambda accounts: accounts.transfer("gateway", "heir"))


def test_without_the_service_nothing_is_removed(broker: Broker, network: Network, charger: Client) -> None:
    network.service.stop()
    try:
        with pytest.raises(AccountsError, match="does not answer"):
            broker.accounts(lambda accounts: accounts.remove("owner"))
    finally:
        network.start_service()
    assert charger.ask("newChargingStation", x_position="wrong", y_position=0) == "BAD_REQUEST"


def test_the_audit_log_tells_it(network: Network, charger: Client, successor: Client) -> None:
    station = charger.ask("newChargingStation", x_position=6, y_position=6)
    for _ in range(30):
        assert successor.ask("deleteChargingStation", chargingStationID=station) == "FORBIDDEN"
    network.broker.accounts(lambda accounts: accounts.transfer("owner", "successor"))
    assert successor.ask("deleteChargingStation", chargingStationID=station) == "Sucesso"
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
