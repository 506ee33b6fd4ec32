"""Clients that attack: others are served all the while, and nobody's memory runs out."""

import json
import resource
import select
import socket
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from pathlib import Path

import pytest

from tests.kit import mqtt_bytes
from tests.kit.mqtt import MqttClient, MqttConnection
from tests.kit.pausing import paused
from tests.kit.processes import HOST
from tests.kit.secured import SecuredBroker, SecuredStack
from tests.kit.waiting import DEADLINE, wait_until

pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecuredStack]:
    """With a separate broker, so its load does not reach other tests."""
    with (
        SecuredBroker(tmp_path_factory.mktemp("broker")) as broker,
        SecuredStack(tmp_path_factory.mktemp("network"), broker) as network,
    ):
        yield network


@pytest.fixture(scope="module")
def others(network: SecuredStack) -> Iterator[MqttClient]:
    """Somebody who has done nothing."""
    with network.secured.client("others", "charger") as client:
        yield client


def _are_served(others: MqttClient) -> None:
    assert isinstance(others.outcome("newChargingStation", x_position=1, y_position=1), int)


def _legacy(network: SecuredStack, address: str = HOST) -> bytes:
    """A legacy client's request from this address of the machine, and its reply."""
    with socket.create_connection((HOST, network.tcp_port), DEADLINE, (address, 0)) as connection:
        connection.sendall(b'{"newChargingStation": true, "x_position": 50, "y_position": 50}')
        return connection.recv(4096)


def test_a_thousand_wrong_passwords(network: SecuredStack, others: MqttClient) -> None:
    refused = 0
    for number in range(1000):
        with socket.create_connection((HOST, network.secured.port), DEADLINE) as connection:
            connection.sendall(mqtt_bytes.connect(f"guess-{number}", "administrator", f"password{number}"))
            refused += mqtt_bytes.receive(connection, 4) == mqtt_bytes.NOT_AUTHORISED
        if number % 100 == 0:
            _are_served(others)
    assert refused == 1000
    with network.secured.connection("administrator"):
        pass


def test_a_flood_is_answered_busy_and_holds_up_nobody(network: SecuredStack, others: MqttClient) -> None:
    password = network.secured.accounts(lambda accounts: accounts.add("flood", "charger"))
    count = 6000
    with MqttConnection(network.secured.port, "flood", "flood", password) as flood:
        flood.subscribe("recharge/v1/reply/flood")
        with paused(network.service):
            body = json.dumps({"x_position": 7, "y_position": 7}).encode()
            assert all(flood.publish_all(["recharge/v1/request/newChargingStation/flood"] * count, body))
        _are_served(others)
        replies = [json.loads(flood.next().payload) for _ in range(count)]
    busy = [reply for reply in replies if not reply["ok"]]
    assert {reply["error"]["code"] for reply in busy} == {"BUSY"}
    assert all(reply["error"]["retryable"] for reply in busy)
    assert 0 < len(busy) < count


def test_one_that_never_reads_uses_up_no_more_than_its_share(
    network: SecuredStack, others: MqttClient
) -> None:
    hog = network.secured.accounts(lambda accounts: accounts.add("hog", "charger"))
    loud = network.secured.accounts(lambda accounts: accounts.add("loud", "charger"))
    with socket.create_connection((HOST, network.secured.port), DEADLINE) as connection:
        connection.sendall(mqtt_bytes.connect("hog", "hog", hog))
        assert mqtt_bytes.receive(connection, 4) == mqtt_bytes.ACCEPTED
        connection.sendall(mqtt_bytes.subscribe("recharge/v1/presence/#", qos=1))
        assert mqtt_bytes.receive(connection, 5)[-1] == 1
        with MqttConnection(network.secured.port, "loud", "loud", loud) as client:
            for _ in range(400):
                client.publish("recharge/v1/presence/loud", bytes(2_000_000))
        _are_served(others)
        assert network.secured.memory() < 800, "400 messages of 2 MB stay in the broker's memory"


@pytest.mark.parametrize("most", [1, 7, 20])
def test_half_a_connect(network: SecuredStack, others: MqttClient, most: int) -> None:
    with ExitStack() as stack:
        for _ in range(200):
            connection = socket.create_connection((HOST, network.secured.port), DEADLINE)
            stack.enter_context(connection)
            connection.sendall(mqtt_bytes.connect("half", "others", "password")[:most])
        _are_served(others)
        with network.secured.connection("gateway", "gateway-meanwhile"):
            pass


def test_two_thousand_idle_tcp_connections(network: SecuredStack, others: MqttClient) -> None:
    most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, most[1]), most[1]))
    try:
        with ExitStack() as stack:
            ended = select.poll()
            for number in range(2000):
                source = (f"127.0.0.{2 + number % 4}", 0)
                connection = socket.create_connection((HOST, network.tcp_port), DEADLINE, source)
                stack.enter_context(connection)
                ended.register(connection, select.POLLIN)
            assert _legacy(network).isdigit()
            _are_served(others)
            assert ended.poll(0) == [], "some of the 2,000 were not kept"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, most)
    wait_until(lambda: _legacy(network).isdigit(), "legacy clients are served afterwards")


def test_one_address_has_so_many_connections(network: SecuredStack) -> None:
    """By its setting, 1000; others are let in meanwhile."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(8192, most[1]), most[1]))
    try:
        with ExitStack() as stack:
            for _ in range(1000):
                connection = socket.create_connection((HOST, network.tcp_port), DEADLINE, ("127.0.0.9", 0))
                stack.enter_context(connection)
            assert _refused(network, "127.0.0.9")
            assert _legacy(network, "127.0.0.10").isdigit()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, most)


def _refused(network: SecuredStack, address: str) -> bool:
    try:
        return _legacy(network, address) == b""
    except ConnectionError:
        return True


def test_garbage_at_the_brokers_door(network: SecuredStack, others: MqttClient) -> None:
    for garbage in (b"GET / HTTP/1.1\r\n\r\n", b"\x00" * 1000, b"\xff" * 1000, b"\x10\xff\xff\xff\xff"):
        for port in (network.secured.port, network.secured.tls_port):
            with suppress(OSError), socket.create_connection((HOST, port), DEADLINE) as connection:
                connection.sendall(garbage)
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(4096):
                    pass
    _are_served(others)


def test_spoofed_names(network: SecuredStack, others: MqttClient) -> None:
    """The topic proves who asks: nothing else that claims a name is trusted, or answered elsewhere."""
    station = others.outcome("newChargingStation", x_position=60, y_position=60)
    with network.secured.client("spoofer", "charger") as spoofer:
        for claim in ("client", "clientID", "account", "owner", "username", "name"):
            values = {"chargingStationID": station, claim: "others"}
            assert spoofer.outcome("deleteChargingStation", **values) == "FORBIDDEN"
        claimed = [("client", "others"), ("username", "others")]
        request = {"chargingStationID": station, "requestID": "claim"}
        spoofer.send("deleteChargingStation", request, UserProperty=claimed)
        assert spoofer.reply("claim")["error"]["code"] == "FORBIDDEN"
        body = json.dumps(
            {"x_position": 61, "y_position": 61, "replyTo": "recharge/v1/reply/others"}
        ).encode()
        spoofer.publish("recharge/v1/request/newChargingStation/spoofer", body)
        spoofer.publish(
            "recharge/v1/request/newChargingStation/spoofer",
            b'{"x_position": 61, "y_position": 61}',
            ResponseTopic="recharge/v1/reply/others",
        )
        assert spoofer.outcome("receiveAllChargingPoints", chargingStationID=station) == "FORBIDDEN"
    assert others.arrived() == []
    assert others.outcome("newChargingStation", x_position=61, y_position=61) not in ("CONFLICT", None)
    ignored = [event for event in network.audited() if event.get("code") == "ignored"]
    assert [event["client"] for event in ignored] == ["spoofer", "spoofer"]


def test_no_secret_is_in_any_log_or_argument(network: SecuredStack) -> None:
    secrets = [network.secured.password(name) for name in ("administrator", "cloud_service", "gateway")]
    texts = {
        "service": network.service.log.read_text(),
        "gateway": network.gateway.log.read_text(),
        "broker": network.secured.log.read_text(),
        "audit": network.audit.read_text(),
    }
    for process in (network.service, network.gateway):
        for file in ("cmdline", "environ"):
            texts[f"{process.name}'s {file}"] = Path(f"/proc/{process.pid}/{file}").read_text()
    for where, text in texts.items():
        assert text
        for secret in secrets:
            assert secret not in text, where
