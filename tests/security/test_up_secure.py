"""`recharge up --secure`: a network with accounts and TLS after one command."""

import json
import resource
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cloud_service.accounts.secure_broker import PLAIN_CONNECTIONS, BrokerFolders, prepare
from tests.kit.mqtt import MqttClient, MqttConnection, NotAccepted
from tests.kit.mqtt_bytes import ACCEPTED, connect, receive
from tests.kit.processes import HOST, clean_environment
from tests.kit.up import up
from tests.kit.waiting import DEADLINE

FREE_PORTS = ("--mqtt-port", "0", "--mqtt-tls-port", "0", "--tcp-port", "0", "--http-port", "0")


def _paste(line: str, *more: str) -> "subprocess.CompletedProcess[str]":
    """Runs a line as a reader would who pasted it."""
    words = " ".join((line, *more))
    return subprocess.run(
        ["sh", "-c", words],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
    )


def test_what_it_prints_can_be_pasted(tmp_path: Path) -> None:
    data = tmp_path / "the data"
    with up(tmp_path, "--secure", "--data-dir", str(data), *FREE_PORTS) as network:
        network.wait_ready()
        plain = network.stdout.splitlines()[1].split()[0].rpartition(":")[2]
        example = next(line for line in network.stdout.splitlines() if " request newChargingStation " in line)
        assert json.loads(_paste(example).stdout) == 1

        accounts = next(line for line in network.stdout.splitlines() if line.startswith("Accounts: "))
        line = accounts.removeprefix("Accounts: ").replace("NAME", "charger-1")
        password = _paste(line).stdout.strip()
        ca_file = data / "broker" / "certificates" / "ca.crt"
        with MqttClient(network.port("MQTT"), "charger-1", password, ca_file=ca_file) as charger:
            assert charger.ask("newChargingStation", x_position=3, y_position=4) == 2
        for port, authority in ((int(plain), None), (network.port("MQTT"), ca_file)):
            with pytest.raises(NotAccepted):
                MqttConnection(port, "somebody", ca_file=authority).connect()
        environment = (
            Path(f"/proc/{network.process.pid}/cmdline").read_text() + network.stderr + network.stdout
        )
        assert password not in environment

    with up(tmp_path, "--secure", "--data-dir", str(data), *FREE_PORTS) as network:
        network.wait_ready()
        with MqttConnection(network.port("MQTT"), "charger-1", "charger-1", password, ca_file=ca_file):
            pass


def test_the_demo_lives_in_it(tmp_path: Path) -> None:
    with up(tmp_path, "--secure", "--demo", "--data-dir", str(tmp_path / "data"), *FREE_PORTS) as network:
        network.wait_stations()


@pytest.fixture
def few_open_files() -> Iterator[None]:
    """What a shell may allow: too little for a broker."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_the_port_without_tls_takes_a_thousand_connections(tmp_path: Path, few_open_files: None) -> None:
    with up(tmp_path, "--secure", "--data-dir", str(tmp_path / "data"), *FREE_PORTS) as network:
        network.wait_ready()
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(limit, 4096), limit))
        plain = int(network.stdout.splitlines()[1].split()[0].rpartition(":")[2])
        password = (tmp_path / "data/broker/secrets/gateway/password").read_text().strip()
        with ExitStack() as held:
            accepted = 0
            for number in range(PLAIN_CONNECTIONS + 50):
                connection = held.enter_context(socket.create_connection((HOST, plain), DEADLINE))
                with suppress(ConnectionError):
                    connection.sendall(connect(f"gateway-{number}", "gateway", password))
                    accepted += receive(connection, len(ACCEPTED)) == ACCEPTED
        # The network itself has some, and Mosquitto miscounts by one or two.
        assert abs(accepted - PLAIN_CONNECTIONS) < 10


@pytest.mark.parametrize(
    ("damaged", "length", "remedy"),
    [
        ("dynamic-security.json", 500, "move "),
        ("secrets/administrator/password", 0, "`recharge accounts recover`"),
        ("certificates/broker.key", 0, "move "),
        ("certificates/broker.crt", 100, "move "),
    ],
)
def test_a_damaged_file_is_named_with_a_remedy(
    tmp_path: Path, damaged: str, length: int, remedy: str
) -> None:
    folders = BrokerFolders.within(tmp_path / "data" / "broker")
    prepare(folders, ["localhost", "127.0.0.1"], datetime.now(UTC))
    file = folders.broker / damaged
    file.write_bytes(file.read_bytes()[:length])
    with up(tmp_path, "--secure", "--data-dir", str(tmp_path / "data"), *FREE_PORTS) as network:
        assert network.wait_end() == 1
        assert str(file) in network.stderr
        assert "restore" in network.stderr
        assert remedy in network.stderr
        assert "Traceback" not in network.stderr


def test_a_host_that_nobody_knows_is_a_wrong_setting(tmp_path: Path) -> None:
    for flag in ("--mqtt-host", "--tcp-host"):
        words = (flag, "nowhere.invalid", "--data-dir", str(tmp_path / "data"), *FREE_PORTS)
        with up(tmp_path, *words) as network:
            assert network.wait_end() == 2
            assert "nowhere.invalid, on which port 0 should listen, is unknown" in network.stderr
            assert "Traceback" not in network.stderr


def test_a_file_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    folders = BrokerFolders.within(tmp_path / "data" / "broker")
    folders.broker.mkdir(parents=True)
    folders.secrets.folder.write_text("not a folder")
    with up(tmp_path, "--secure", "--data-dir", str(tmp_path / "data"), *FREE_PORTS) as network:
        assert network.wait_end() == 1
        assert f"recharge up: {folders.secrets.folder}" in network.stderr
        assert "Traceback" not in network.stderr


@pytest.mark.parametrize("first", [(), ("--secure",)])
def test_the_demo_says_why_it_cannot_go_on_with_or_without_accounts(
    tmp_path: Path, first: tuple[str, ...]
) -> None:
    """Its stations belong to the accounts that registered them."""
    words = ("--demo", "--data-dir", str(tmp_path / "data"), *FREE_PORTS)
    second = ("--open",) if first else ("--secure",)
    with up(tmp_path / "first", *first, *words) as network:
        network.wait_stations()
    with up(tmp_path / "second", *second, *words) as network:
        assert network.wait_end() == 1
        assert "The demo's stations belong to other accounts" in network.stderr
        assert "Traceback" not in network.stderr
    with up(tmp_path / "third", *first, *(("--open",) if not first else ()), *words) as network:
        network.wait_stations()  # it goes on as before


@pytest.mark.parametrize("length", [0, 5, 40, -1])
def test_a_state_of_the_broker_that_is_cut_short_is_set_aside(tmp_path: Path, length: int) -> None:
    """Cut between two of its records, it would be whole for Mosquitto: the last one is cut here."""
    ports = ("--mqtt-port", "0", "--tcp-port", "0", "--http-port", "0", "--data-dir", str(tmp_path / "data"))
    file = tmp_path / "data" / "broker" / "mosquitto.db"
    with up(tmp_path / "first", *ports) as network:
        network.wait_ready()
        with MqttClient(network.port("MQTT"), "owner") as owner:
            owner.subscribe("recharge/v1/state/station/+")
            for place in range(20):
                owner.ask("newChargingStation", x_position=place, y_position=0)
            owner.on("recharge/v1/state/station/20")
    whole = file.read_bytes()
    assert len(whole) > 1000
    file.write_bytes(whole[:length])
    with up(tmp_path / "second", *ports) as network:
        network.wait_ready()
        assert ("mosquitto.db.damaged" in network.stderr) == (length != 0)
        with MqttClient(network.port("MQTT"), "owner") as owner:
            assert owner.ask("newChargingStation", x_position=0, y_position=0) == 1


@pytest.mark.parametrize("lost", ["", "dynamic-security.json", "secrets", "certificates"])
def test_a_network_with_accounts_opens_only_on_demand(tmp_path: Path, lost: str) -> None:
    data = tmp_path / "data"
    prepare(BrokerFolders.within(data / "broker"), ["localhost"], datetime.now(UTC))
    if lost:
        (data / "broker" / lost).rename(tmp_path / "lost")
    (data / "broker" / "mosquitto.db").write_bytes(bytes(4096))
    ports = ("--mqtt-port", "0", "--tcp-port", "0", "--http-port", "0")
    with up(tmp_path / "plain", "--data-dir", str(data), *ports) as network:
        assert network.wait_end() == 1
        assert "start it with --secure, or with --open" in network.stderr
    with up(tmp_path / "open", "--open", "--data-dir", str(data), *ports) as network:
        network.wait_ready()
        assert "mosquitto.db.damaged" in network.stderr
