"""Forgetting a vehicle of a real network: refused while it runs, and without a trace afterwards."""

import json
import subprocess
import sys
from pathlib import Path
from socket import create_connection

from tests.kit.processes import clean_environment
from tests.kit.up import up
from tests.kit.waiting import DEADLINE

NAME = "carro da Zoé"
ENCODED = (NAME.encode(), json.dumps(NAME)[1:-1].encode())
FREE_PORTS = ("--mqtt-port", "0", "--tcp-port", "0", "--http-port", "0")


def ask(port: int, **request: object) -> str:
    """The reply to a request over TCP."""
    with create_connection(("127.0.0.1", port), DEADLINE) as connection:
        connection.sendall(json.dumps(request).encode())
        return connection.recv(8192).decode()


def forget(data: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "cloud_service", "forget", "--tcp", NAME, "--data-dir", str(data)],
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def test_a_vehicle_is_forgotten_once_the_network_has_stopped(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with up(tmp_path / "first", "--data-dir", str(data), *FREE_PORTS) as network:
        network.wait_ready()
        port = network.port("TCP")
        station = int(ask(port, newChargingStation=True, x_position=1, y_position=2))
        ask(
            port,
            newChargingPoint=True,
            chargingStationID=station,
            power=22,
            kWhPrice=1,
            availability="livre",
        )
        booking = {
            "scheduleReservation": True,
            "vid": NAME,
            "x": 0,
            "y": 0,
            "actualBatteryPercentage": 50,
            "batteryCapacity": 40,
        }
        booked = json.loads(ask(port, **booking))
        refused = forget(data)
        assert refused.returncode == 1
        assert "in use by the cloud service; stop the network" in refused.stderr
        assert ask(port, deleteReservation=True, reservationID=booked["reservationID"], vehicleID=NAME) == (
            "Sucesso"
        )
        assert ask(port, findReservation=True, vid=NAME) == "None"
    assert any(has_name(path) for path in data.rglob("*"))
    done = forget(data)
    assert done.returncode == 0, done.stderr
    assert [path for path in data.rglob("*") if has_name(path)] == []
    with up(tmp_path / "second", "--data-dir", str(data), *FREE_PORTS) as network:
        network.wait_ready()
        assert json.loads(ask(network.port("TCP"), **booking))["vehicleID"] == NAME


def has_name(path: Path) -> bool:
    return path.is_file() and any(name in path.read_bytes() for name in ENCODED)
