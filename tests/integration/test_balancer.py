"""Two brokers behind HAProxy, as deploy/ configures it: clients keep their broker while it is there."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cloud_service.accounts.secure_broker import BrokerFolders, prepare
from tests.kit.balancer import MISSING, PROGRAM, Balancer
from tests.kit.mqtt import MqttClient
from tests.kit.pausing import paused
from tests.kit.people import Charger, Place, Vehicle
from tests.kit.processes import HOST
from tests.kit.several_brokers import SeveralBrokers, retained
from tests.kit.waiting import DEADLINE, wait_until

# The balancer takes a broker that does not answer for a few seconds for one that has failed.
pytestmark = [pytest.mark.alone, pytest.mark.skipif(PROGRAM is None, reason=MISSING)]

HERE = Place(0, 0)
NAMES = [f"client-{number}" for number in range(8)]
SECONDS = DEADLINE
"""Within which everybody is served again. HAProxy finds out within twelve that a broker hangs."""


class Balanced:
    """Two brokers with their service, a balancer in front of them, and who asks at which broker."""

    def __init__(self, network: SeveralBrokers, balancer: Balancer) -> None:
        self.network = network
        self.balancer = balancer
        self._clients = ExitStack()
        self._watched = {
            index: network.client(index, "watcher", ["recharge/v1/request/#"]) for index in (0, 1)
        }

    def client(self, name: str, **options: Any) -> MqttClient:
        """A client that reaches a broker through the balancer."""
        port = self.balancer.tls_port if "ca_file" in options else self.balancer.port
        return self._clients.enter_context(MqttClient(port, name, **options))

    def home(self, client: MqttClient) -> int:
        """The index of the broker at which the client is. It asks something there."""
        client.outcome("findReservation")
        topic = f"recharge/v1/request/findReservation/{client.name}"

        def asked() -> list[int]:
            return [index for index, watcher in self._watched.items() if watcher.arrived(topic)]

        (index,) = wait_until(asked, f"{client.name} has asked")
        self._watched[index].take()
        return int(index)

    def close_clients(self) -> None:
        self._clients.close()


@pytest.fixture
def balanced(tmp_path: Path) -> Iterator[Balanced]:
    folders = BrokerFolders.within(tmp_path / "certified")
    prepare(folders, [HOST], datetime.now(UTC))
    pair = [folders.certificates / f"broker.{kind}" for kind in ("crt", "key")]
    certificate = tmp_path / "broker.pem"
    certificate.write_bytes(b"".join(file.read_bytes() for file in pair))
    with SeveralBrokers(tmp_path) as network:
        balancer = Balancer(tmp_path, network.brokers, certificate)
        balancer.start()
        balanced = Balanced(network, balancer)
        try:
            yield balanced
        finally:
            balanced.close_clients()
            balancer.kill()


def test_clients_are_at_both_brokers_and_come_back_to_theirs(balanced: Balanced) -> None:
    homes = {name: balanced.home(balanced.client(name)) for name in NAMES}
    assert set(homes.values()) == {0, 1}
    balanced.close_clients()
    assert {name: balanced.home(balanced.client(name)) for name in reversed(NAMES)} == homes


def test_when_a_broker_is_killed_everybody_is_served_by_the_other(balanced: Balanced) -> None:
    station = Charger(balanced.client("carla")).with_point(HERE)
    clients = [balanced.client(name) for name in NAMES]
    killed = balanced.home(clients[0])
    other = 1 - killed
    balanced.network.brokers[killed].kill()
    balanced.close_clients()

    begun = time.monotonic()
    vehicles = [Vehicle(balanced.client(name)) for name in NAMES]
    elisa = balanced.client("elisa")
    assert elisa.subscribe("recharge/v1/event/elisa/#") == [True]
    assert [vehicle.book(HERE)["chargingStationID"] for vehicle in vehicles] == [station] * len(NAMES)
    booked = Vehicle(elisa).book(HERE)
    event = json.loads(elisa.on("recharge/v1/event/elisa/reservationScheduled").payload)
    assert event["reservation"]["reservationID"] == booked["reservationID"]
    assert time.monotonic() - begun < SECONDS

    balanced.network.brokers[killed].start()
    watchers = [
        balanced.network.client(index, "monitor", ["recharge/v1/state/#"]) for index in (killed, other)
    ]
    point = f"recharge/v1/state/point/{station}/1"

    def is_true() -> bool:
        states = [retained(watcher) for watcher in watchers]
        return states[0] == states[1] and states[0].get(point, {}).get("queueLength") == len(NAMES) + 1

    wait_until(is_true, "the state is true at both brokers")


def test_the_clients_of_a_broker_that_hangs_are_sent_to_the_other(balanced: Balanced) -> None:
    clients = {name: balanced.client(name) for name in NAMES}
    homes = {name: balanced.home(client) for name, client in clients.items()}
    lost = next(name for name, home in homes.items() if home == 0)
    with paused(balanced.network.brokers[0]):
        assert clients[lost].disconnected.wait(SECONDS)
        balanced.close_clients()
        assert balanced.home(balanced.client(lost)) == 1


def test_chargers_and_vehicles_come_with_tls(balanced: Balanced, tmp_path: Path) -> None:
    authority = BrokerFolders.within(tmp_path / "certified").ca_file
    station = Charger(balanced.client("carla", ca_file=authority)).with_point(HERE)
    assert Vehicle(balanced.client("elisa", ca_file=authority)).book(HERE)["chargingStationID"] == station


def test_what_is_not_mqtt_reaches_no_broker(balanced: Balanced) -> None:
    with socket.create_connection((HOST, balanced.balancer.port), DEADLINE) as stranger:
        stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
        assert stranger.recv(1) == b""
