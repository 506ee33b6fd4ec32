"""Makes the folders of this version, for a release that changes the form of a file.

python -m tests.stack.data_forms.make
"""

import json
import shutil
import socket
import tempfile
from pathlib import Path
from typing import Any

from cloud_service import __version__
from tests.kit.processes import HOST, Stack

FORMS = Path(__file__).parent
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
"""What a folder of each form holds, asked by legacy clients."""


def ask(port: int, request: dict[str, Any]) -> bytes:
    with socket.create_connection((HOST, port), 60) as connection:
        connection.sendall(json.dumps(request).encode())
        return connection.recv(4096)


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
    make(f"{__version__}-stopped", killed=False)
    make(f"{__version__}-killed", killed=True)
