"""docker-compose.scale.yml: whatever is killed, bookings hold, and the network goes on by itself."""

import asyncio
import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest

from cloud_service.mqtt.requester import Requester
from tests.kit.waiting import DEADLINE, wait_until
from tests.stack.compose import HOST, VERSIONS, Charger, docker, inspected
from tests.stack.scaled import PASSWORDS, ScaledStack

pytestmark = [pytest.mark.alone, pytest.mark.timeout(1500)]


@pytest.fixture(scope="module", params=VERSIONS, ids=lambda version: f"mosquitto-{version}")
def scaled(
    engine: None, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ScaledStack]:
    with ScaledStack(tmp_path_factory.mktemp("scaled"), request.param).running() as stack:
        yield stack


@pytest.fixture(scope="module")
def charger(scaled: ScaledStack, tmp_path_factory: pytest.TempPathFactory) -> Charger:
    """With a station that has a point. The second broker learns of the account as docs/scale.md says."""
    charger = Charger(scaled, "charger-1", scaled.copy_ca(tmp_path_factory.mktemp("ca")))
    scaled.compose("restart", "mosquitto_2")
    scaled.wait_healthy()
    station = ask(scaled, charger, "newChargingStation", x_position=1, y_position=1)
    point = {"power": 22, "kWhPrice": 1, "availability": "livre"}
    ask(scaled, charger, "newChargingPoint", chargingStationID=station, **point)
    return charger


def ask(stack: ScaledStack, charger: Charger, action: str, **values: Any) -> Any:
    """The result over MQTT and TLS, through HAProxy, asked again with the same ID as long as it takes."""

    async def request() -> Any:
        address = stack.address(charger.name, charger.password, charger.ca_file)
        async with Requester(address, charger.name, client_id=charger.name) as requester:
            return await requester.request(action, values, timeout=DEADLINE)

    return asyncio.run(request())


def ask_over_tcp(stack: ScaledStack, request: dict[str, Any]) -> Any:
    """The reply to a legacy client, through HAProxy and one of the gateways; it may have to ask again."""

    def reply() -> bytes:
        try:
            with socket.create_connection((HOST, stack.tcp_port), DEADLINE) as connection:
                connection.sendall(json.dumps(request).encode())
                connection.settimeout(DEADLINE)
                return connection.recv(4096)
        except OSError:
            return b""

    return json.loads(wait_until(reply, f"a reply to {request}", 2 * DEADLINE))


def book(stack: ScaledStack, vehicle: str) -> Any:
    need = {"actualBatteryPercentage": 50, "batteryCapacity": 10}
    return ask_over_tcp(stack, {"scheduleReservation": True, "vid": vehicle, "x": 1, "y": 1, **need})


def test_bookings_hold(scaled: ScaledStack, charger: Charger) -> None:
    """Through the loss of a service, of each broker, a gateway and HAProxy, and a restart of the database."""
    booked = [book(scaled, "before")]
    for name in ("cloud_service", "mosquitto", "mosquitto_2", "gateway", "balancer", "postgres"):
        victim = scaled.containers(name)[0]
        if name == "postgres":
            scaled.compose("restart", "postgres")
        else:
            scaled.kill(victim)
        booked.append(book(scaled, f"after {name}"))
        found = [ask_over_tcp(scaled, {"findReservation": True, "vid": row["vehicleID"]}) for row in booked]
        assert found == booked, f"after the loss of {name}"
        listed = ask(scaled, charger, "receiveAllReservations", chargingStationID=1)
        assert [row["vehicleID"] for row in listed] == [row["vehicleID"] for row in booked]
    scaled.wait_healthy()
    scaled.compose("down", "--timeout", "30")
    scaled.up()
    assert ask_over_tcp(scaled, {"findReservation": True, "vid": "before"}) == booked[0]


def test_every_service_and_gateway_has_its_part(scaled: ScaledStack, charger: Charger) -> None:
    for name, number in (("cloud_service", 3), ("gateway", 2)):
        assert len(scaled.containers(name)) == number
    ask(scaled, charger, "receiveAllChargingPoints", chargingStationID=1)
    logs = scaled.compose("logs", "--no-color", "cloud_service")
    for broker in ("mosquitto", "mosquitto_2"):
        assert logs.count(f"connected to the broker cloud_service@{broker}:1883") >= 3


def test_the_services_own_nothing(scaled: ScaledStack, charger: Charger) -> None:
    password = (scaled.secrets / "database_service").read_text()
    owned = "SELECT count(*) FROM pg_class WHERE relowner = 'recharge_1'::regrole"
    assert scaled.query("recharge_1", password, owned) == "0"
    with pytest.raises(AssertionError, match="must be owner"):
        scaled.query("recharge_1", password, "DROP TABLE recharge.reservations")
    assert int(scaled.query("recharge_1", password, "SELECT count(*) FROM recharge.reservations")) > 0


def test_no_password_of_the_database_is_told(scaled: ScaledStack) -> None:
    containers = [each for name in scaled.lasting for each in scaled.containers(name)]
    texts = [scaled.logs(), *(json.dumps(inspected(each)) for each in containers)]
    texts += [docker("top", each, "-eo", "pid,args") for each in containers]
    for name in PASSWORDS:
        password = (scaled.secrets / name).read_text()
        assert not any(password in text for text in texts), name


@pytest.mark.parametrize("service", ScaledStack.lasting)
def test_least_rights(scaled: ScaledStack, service: str) -> None:
    for container in scaled.containers(service):
        found = inspected(container)
        host = found["HostConfig"]
        assert host["ReadonlyRootfs"] is True
        assert host["CapDrop"] == ["ALL"]
        assert not host["CapAdd"]
        assert host["SecurityOpt"] == ["no-new-privileges:true"]
        assert host["Memory"] > 0
        processes = docker("top", found["Id"], "-eo", "uid,pid,args").splitlines()[1:]
        assert processes
        assert all(process.split()[0] != "0" for process in processes), processes


@pytest.mark.parametrize(
    ("service", "ports"),
    [
        ("postgres", {}),
        ("mosquitto", {}),
        ("mosquitto_2", {}),
        ("gateway", {}),
        ("balancer", {"1883/tcp": {HOST}, "8883/tcp": {""}, "64352/tcp": {""}}),
    ],
)
def test_only_haproxy_is_reached_from_outside(
    scaled: ScaledStack, service: str, ports: dict[str, set[str]]
) -> None:
    for container in scaled.containers(service):
        bindings = inspected(container)["HostConfig"]["PortBindings"] or {}
        assert {port: {each["HostIp"] for each in hosts} for port, hosts in bindings.items()} == ports


def test_a_network_in_use_is_not_moved(scaled: ScaledStack) -> None:
    """The container that moves one reaches the database as its owner, and the data folder."""
    words = ("--from", "postgresql://recharge_owner@postgres/recharge", "--to", "/data")
    with pytest.raises(AssertionError, match="is in use by a cloud service"):
        scaled.compose("run", "--rm", "-T", "migrate", *words)
