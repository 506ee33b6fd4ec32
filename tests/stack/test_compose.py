"""`docker compose up --build`: what runs, with which rights, and who gets in."""

import asyncio
import http.client
import io
import json
import re
import socket
import subprocess
import tarfile
from pathlib import Path

import pytest

from cloud_service.ocpp.schemas import Version as OcppVersion
from tests.kit.mqtt import VERSIONS, MqttClient, MqttConnection, NotAccepted, Version
from tests.kit.ocpp import VERSIONS as OCPP_VERSIONS
from tests.kit.waiting import DEADLINE, wait_until
from tests.stack.compose import HOST, LASTING, Charger, ComposeStack, docker
from tests.stack.ocpp_post import await_point, post_of

pytestmark = [pytest.mark.alone, pytest.mark.timeout(1500)]


SECRET_FOLDERS = {
    "mosquitto": (),
    "cloud_service": ("cloud_service",),
    "gateway": ("gateway",),
    "monitor": ("monitor",),
    "ocpp_gateway": ("ocpp_gateway",),
}
"""Whose passwords a container sees."""


def _legacy(port: int, text: bytes) -> bytes:
    with socket.create_connection((HOST, port), DEADLINE) as connection:
        connection.sendall(text)
        connection.settimeout(DEADLINE)
        return connection.recv(4096)


def _connect(stack: ComposeStack, charger: Charger, version: Version = "mqtt5") -> MqttClient:
    return MqttClient(
        stack.tls_port, charger.name, charger.password, ca_file=charger.ca_file, version=version
    )


@pytest.mark.parametrize("version", VERSIONS)
def test_a_charger_over_tls(compose: ComposeStack, charger: Charger, version: Version) -> None:
    with _connect(compose, charger, version) as client:
        station = client.ask("newChargingStation", x_position=1, y_position=1)
        assert client.ask("receiveAllChargingPoints", chargingStationID=station) == []


def test_legacy_clients_on_the_published_port(compose: ComposeStack) -> None:
    text = b'{"newChargingStation": true, "x_position": 2, "y_position": 2}'
    assert _legacy(compose.tcp_port, text).isdigit()


@pytest.mark.parametrize("name", ["cloud_server", "cloud"])
def test_existing_clients_find_the_server_by_name(compose: ComposeStack, name: str) -> None:
    """From a container of theirs, in the network recharging_manager."""
    code = (
        f"import socket; s = socket.create_connection(({name!r}, 64352), 30);"
        """ s.sendall(b'{"newChargingStation": true, "x_position": 2, "y_position": 2}');"""
        " print(s.recv(4096).decode())"
    )
    words = ("run", "--rm", "--network", compose.network, "--entrypoint", "python", compose.image, "-c", code)
    assert docker(*words).strip().isdigit()


def test_nobody_gets_in_without_an_account(compose: ComposeStack, charger: Charger) -> None:
    for port, ca_file in ((compose.mqtt_port, None), (compose.tls_port, charger.ca_file)):
        for user, password in ((None, None), ("administrator", "administrator"), ("charger-1", "wrong")):
            with pytest.raises(NotAccepted):
                MqttConnection(port, "charger-1", user, password, ca_file=ca_file).connect()


def _checks_healthy(compose: ComposeStack) -> bool:
    """Runs the broker's health check now."""
    kind, line = compose.inspect("mosquitto")["Config"]["Healthcheck"]["Test"]
    assert kind == "CMD-SHELL"
    words = ["docker", "exec", compose.container("mosquitto"), "sh", "-c", line]
    return subprocess.run(words, capture_output=True, timeout=DEADLINE, check=False).returncode == 0


@pytest.mark.parametrize(
    "damage",
    [
        "rm dynamic-security.json",
        "echo -n > dynamic-security.json",
        "head -c 300 kept.json > dynamic-security.json",
        "sed 's/cloud_service/other/' kept.json > dynamic-security.json",
    ],
)
def test_a_broker_that_knows_nobody_is_not_healthy(compose: ComposeStack, damage: str) -> None:
    def in_its_folder(line: str) -> None:
        docker("exec", compose.container("mosquitto"), "sh", "-c", f"cd /mosquitto/data && {line}")

    assert _checks_healthy(compose)
    in_its_folder("cp -p dynamic-security.json kept.json")
    try:
        in_its_folder(damage)
        assert not _checks_healthy(compose)
    finally:
        in_its_folder("mv kept.json dynamic-security.json")
    assert _checks_healthy(compose)


def test_lost_passwords_are_made_again(compose: ComposeStack, charger: Charger) -> None:
    """With the commands of docs/operations.md."""
    lose = ("run", "--rm", "-T", "--no-deps", "--entrypoint", "rm", "prepare")
    compose.compose("stop")
    compose.compose(*lose, "/secrets/administrator/password")
    with pytest.raises(AssertionError, match="accounts recover"):
        compose.compose("run", "--rm", "-T", "prepare")
    compose.compose("run", "--rm", "-T", "prepare", "accounts", "recover")
    compose.up()
    assert ["charger-1", "charger"] in [line.split() for line in compose.accounts("list").splitlines()]
    with _connect(compose, charger) as client:
        assert client.ask("newChargingStation", x_position=5, y_position=5)


def test_ports_are_open_to_those_they_are_for(compose: ComposeStack) -> None:
    def published(service: str) -> dict[str, set[str]]:
        bindings = compose.inspect(service)["HostConfig"]["PortBindings"] or {}
        return {port: {each["HostIp"] for each in hosts} for port, hosts in bindings.items()}

    assert published("mosquitto") == {"1883/tcp": {HOST}, "8883/tcp": {""}}
    assert published("gateway") == {"64352/tcp": {""}}
    assert published("cloud_service") == {}
    assert published("monitor") == {"8080/tcp": {HOST}}
    assert published("ocpp_gateway") == {"9000/tcp": {""}}


def test_the_map_asks_for_its_token(compose: ComposeStack) -> None:
    def status(**headers: str) -> int:
        connection = http.client.HTTPConnection(HOST, compose.http_port, timeout=DEADLINE)
        connection.request("GET", "/api/stations", headers=headers)
        try:
            return connection.getresponse().status
        finally:
            connection.close()

    token = compose.compose("exec", "-T", "monitor", "cat", "/secrets/monitor/token").strip()
    assert status() == 401
    assert status(Authorization=f"Bearer {token}") == 200
    assert token not in compose.logs()


@pytest.mark.parametrize("version", OCPP_VERSIONS)
async def test_a_charger_with_ocpp_over_tls(
    compose: ComposeStack, charger: Charger, version: OcppVersion
) -> None:
    """It boots and charges, and everybody sees it."""
    power = 22 + OCPP_VERSIONS.index(version)
    async with post_of(compose, charger.ca_file, version, power) as (post, operator):
        transaction = await post.start("ana", 1000)
        assert transaction is not None
        await asyncio.to_thread(await_point, operator, power, "ocupado")
        await post.stop(transaction, 5000)
        await asyncio.to_thread(await_point, operator, power, "livre")


@pytest.mark.parametrize("service", LASTING)
def test_least_rights(compose: ComposeStack, service: str) -> None:
    inspected = compose.inspect(service)
    host = inspected["HostConfig"]
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert not host["CapAdd"]
    assert not host["Privileged"]
    assert host["SecurityOpt"] == ["no-new-privileges:true"]
    assert host["Memory"] > 0
    assert host["PidsLimit"] > 0
    assert host["RestartPolicy"]["Name"] == "unless-stopped"
    processes = docker("top", inspected["Id"], "-eo", "uid,pid,args").splitlines()[1:]
    assert processes
    assert all(process.split()[0] == "1883" for process in processes), processes


def _file_exists(container: str, path: str) -> bool:
    return subprocess.run(["docker", "cp", f"{container}:{path}", "-"], capture_output=True).returncode == 0


@pytest.mark.parametrize("service", LASTING)
def test_a_container_sees_its_own_secrets_only(compose: ComposeStack, service: str) -> None:
    container = compose.container(service)
    for name in ("administrator", "cloud_service", "gateway"):
        expected = name in SECRET_FOLDERS[service]
        assert _file_exists(container, f"/secrets/{name}/password") is expected
    assert not _file_exists(container, "/authority/ca.key")
    serves_tls = service in ("mosquitto", "ocpp_gateway")
    assert _file_exists(container, "/mosquitto/certificates/broker.key") is serves_tls


def _secrets(compose: ComposeStack) -> list[str]:
    mounts = ("administrator", "cloud_service", "gateway")
    code = f"for name in {mounts!r}: print(open(f'/secrets/{{name}}/password').read().strip())"
    found = compose.compose("run", "--rm", "-T", "--entrypoint", "python", "accounts", "-c", code).split()
    assert len(found) == len(mounts)
    return found


def test_no_secret_is_in_logs_or_arguments(compose: ComposeStack, charger: Charger) -> None:
    texts = [compose.logs(), *(json.dumps(compose.inspect(service)) for service in LASTING)]
    texts += [docker("top", compose.container(service), "-eo", "pid,args") for service in LASTING]
    for secret in (*_secrets(compose), charger.password):
        assert not any(secret in text for text in texts)
    assert "cloud_service" in texts[0], "these are not the logs"


def test_no_secret_is_in_the_image(compose: ComposeStack, charger: Charger) -> None:
    """Nothing but the program: no password or key of this network, no private key or setting of anybody's."""
    secrets = [secret.encode() for secret in (*_secrets(compose), charger.password)]
    key = re.compile(rb"-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/=\s]{64}")
    names = re.compile(r"(^|/)\.(env|git)$|^(secrets|authority|data|audit|mosquitto)/")
    container = docker("create", compose.image).strip()
    try:
        exported = subprocess.run(["docker", "export", container], capture_output=True, check=True).stdout
    finally:
        docker("rm", container)
    seen = 0
    with tarfile.open(fileobj=io.BytesIO(exported)) as files:
        for entry in files:
            if not entry.isfile() or entry.name.startswith(("usr/share/", "usr/lib/python")):
                continue
            content = files.extractfile(entry)
            assert content is not None
            text = content.read()
            seen += entry.name.startswith("opt/recharge/")
            assert not names.search(entry.name), entry.name
            assert not key.search(text), f"{entry.name} holds a private key"
            assert not any(secret in text for secret in secrets), entry.name
    assert seen > 100, "this is not the image of the program"
    history = docker("history", "--no-trunc", "--format", "{{.CreatedBy}}", compose.image)
    assert not re.search(r"(?i)password=|secret=|token=", history)


@pytest.mark.parametrize("service", LASTING)
def test_killed_containers_come_back(compose: ComposeStack, charger: Charger, service: str) -> None:
    with _connect(compose, charger) as client:
        station = client.ask("newChargingStation", x_position=3, y_position=3)
        point = {"power": 22, "kWhPrice": 1, "availability": "livre"}
        client.ask("newChargingPoint", chargingStationID=station, **point)
        before = client.ask("receiveAllChargingPoints", chargingStationID=station)

    compose.kill(compose.container(service))
    compose.wait_healthy()

    with _connect(compose, charger) as client:
        assert client.ask("receiveAllChargingPoints", chargingStationID=station) == before
    text = b'{"newChargingStation": true, "x_position": 2, "y_position": 2}'
    wait_until(lambda: _legacy(compose.tcp_port, text).isdigit(), "legacy clients are answered")


def test_volumes_outlive_down_and_up(compose: ComposeStack, charger: Charger) -> None:
    with _connect(compose, charger) as client:
        station = client.ask("newChargingStation", x_position=4, y_position=4)
    compose.compose("down", "--timeout", "30")
    compose.up()
    with _connect(compose, charger) as client:
        assert client.ask("newChargingStation", x_position=4, y_position=4) == station
    assert ["charger-1", "charger"] in [line.split() for line in compose.accounts("list").splitlines()]


def test_accounts_while_it_runs(compose: ComposeStack, charger: Charger) -> None:
    password = compose.accounts("add", "car-1", "--role", "vehicle")
    with MqttConnection(compose.tls_port, "car-1", "car-1", password, ca_file=charger.ca_file) as client:
        assert client.subscribe("recharge/v1/state/#") == [True]
        compose.accounts("remove", "car-1")
        assert client.disconnected.wait(DEADLINE)
    audit = compose.compose("run", "--rm", "-T", "--entrypoint", "cat", "accounts", "/audit/audit.jsonl")
    events = [json.loads(line) for line in audit.splitlines()]
    assert {"accountAdded", "accountRemoved", "serviceStarted"} <= {event["event"] for event in events}
    assert password not in audit


def test_the_demo_lives(compose: ComposeStack) -> None:
    compose.compose("--profile", "demo", "up", "-d")
    try:
        wait_until(
            lambda: "demo-charger-1" in compose.compose("logs", "demo"), "the demo's chargers live", 120
        )
    finally:
        compose.compose("--profile", "demo", "rm", "-s", "-f", "demo", "demo_account")


def test_a_backup_while_it_runs(compose: ComposeStack, tmp_path: Path) -> None:
    compose.compose("exec", "-T", "cloud_service", "python", "-m", "cloud_service", "backup", "/backups/copy")
    docker("cp", f"{compose.container('cloud_service')}:/backups/copy", str(tmp_path))
    assert any(file.name.startswith("journal-") for file in (tmp_path / "copy").iterdir())
    compose.compose("exec", "-T", "cloud_service", "rm", "-r", "/backups/copy")
