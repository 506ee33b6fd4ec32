"""A small network in each form that its files have had. Run this for a change that raises the format.

python -m tests.stack.data_forms.make
"""

import json
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

from cloud_service.store.checkpoint import FORMAT
from tests.kit.processes import HOST, Stack

FORMS = Path(__file__).parent
FOLDERS = sorted(FORMS.glob("*-*/"))
NETWORK: tuple[dict[str, Any], ...] = (
    {"newChargingStation": True, "x_position": 1, "y_position": 2},
    {
        "newChargingPoint": True,
        "chargingStationID": 1,
        "power": 22,
        "kWhPrice": 0.9,
        "availability": "livre",
    },
    {
        "newChargingPoint": True,
        "chargingStationID": 1,
        "power": 7.2,
        "kWhPrice": 0.5,
        "availability": "ocupado",
    },
    {"newChargingStation": True, "x_position": 3.5, "y_position": -4},
    {
        "scheduleReservation": True,
        "vid": 7,
        "x": 1,
        "y": 2,
        "actualBatteryPercentage": 50,
        "batteryCapacity": 40,
    },
)
"""What a folder of each form holds, as legacy clients requested it."""


def ask(port: int, request: dict[str, Any]) -> bytes:
    with socket.create_connection((HOST, port), 60) as connection:
        connection.sendall(json.dumps(request).encode())
        return connection.recv(4096)


def check(port: int) -> None:
    """Raises AssertionError unless the gateway at `port` has what every form has and gives no ID twice."""
    first, _, _, second, _ = NETWORK
    assert ask(port, first) == b"1"
    assert ask(port, second) == b"2"
    points = json.loads(ask(port, {"receiveAllChargingPoints": True, "chargingStationID": 1}))
    assert [(point["chargingPointID"], point["power"], point["kWhPrice"]) for point in points] == [
        (1, 22, 0.9),
        (2, 7.2, 0.5),
    ]
    assert json.loads(ask(port, NETWORK[-1]))["chargingPointID"] == 1
    assert ask(port, {"newChargingStation": True, "x_position": 100, "y_position": 100}) == b"3"


def make(name: str, *, killed: bool) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        stack = Stack(Path(temporary) / "network")
        stack.start()
        for request in NETWORK:
            assert ask(stack.tcp_port, request) != b"None", request
        if killed:
            stack.kill()
        else:
            stack.stop()
        shutil.rmtree(FORMS / name, ignore_errors=True)
        kept = shutil.ignore_patterns("lock", "audit.jsonl")
        shutil.copytree(stack.data_dir, FORMS / name, ignore=kept)


if __name__ == "__main__":
    make(f"format-{FORMAT}-stopped", killed=False)
    make(f"format-{FORMAT}-killed", killed=True)
