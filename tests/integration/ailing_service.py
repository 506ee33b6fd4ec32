"""The cloud service with a disk that is slow or hangs, and with a fault in a handler.

python -m tests.integration.ailing_service FILE: the file says what ails it, and can be changed at any time.
All else is the product.
"""

import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from cloud_service.cli.main import main
from cloud_service.core.view import NetworkView
from cloud_service.service import process as runtime
from cloud_service.service.engine.caller import Caller
from cloud_service.service.engine.handlers import stations
from cloud_service.service.engine.handlers.decision import Decision
from cloud_service.store.filesystem import DiskFile, DiskFolder, File
from tests.kit.measured import MeasuredStack
from tests.kit.processes import Process

_LOOK_SECONDS = 0.05


class Ailment(Struct, frozen=True):
    """What ails the service: for how long a sync hangs, and whether registering a station fails."""

    sync_seconds: float = 0
    faulty: bool = False


class AilingStack(MeasuredStack):
    """A network whose service is well until `suffer` says otherwise."""

    def __init__(self, folder: Path, **settings: str) -> None:
        self._file = folder / "ailment.json"
        super().__init__(folder, **settings)
        self.suffer(Ailment())

    def suffer(self, ailment: Ailment) -> None:
        """What ails the service from now on."""
        new = self._file.with_suffix(".new")
        new.write_bytes(msgspec.json.encode(ailment))
        new.rename(self._file)

    def connect_through(self, port: int) -> None:
        """Has the service reach the broker through this port. Call it before the start."""
        words = [sys.executable, "-m", "tests.integration.ailing_service", str(self._file)]
        environment = {
            **self.environment,
            "PYTHONPATH": str(Path(__file__).parents[2]),
            "RECHARGE_METRICS_PORT": str(self.ports["service"]),
            "RECHARGE_MQTT_PORT": str(port),
        }
        self.service = Process("service", words, self.folder / "service.log", environment)


class _Patient:
    """Reads what ails the service at this moment."""

    def __init__(self, file: Path) -> None:
        self._file = file

    @property
    def ailment(self) -> Ailment:
        return msgspec.json.decode(self._file.read_bytes(), type=Ailment)

    def hang(self) -> None:
        begun = time.monotonic()
        while time.monotonic() < begun + self.ailment.sync_seconds:
            time.sleep(_LOOK_SECONDS)


def _give_a_slow_disk(patient: _Patient) -> None:
    class SlowFile(DiskFile):
        def sync(self) -> None:
            patient.hang()
            super().sync()

    class SlowFolder(DiskFolder):
        def open(self, name: str) -> File:
            return SlowFile(self.path / name)

    vars(runtime)["DiskFolder"] = SlowFolder


def _give_a_fault(patient: _Patient) -> None:
    decide = stations.new_charging_station

    def new_charging_station(network: NetworkView, request: Any, caller: Caller, now: datetime) -> Decision:
        if patient.ailment.faulty:
            raise RuntimeError("this handler has a fault")
        return decide(network, request, caller, now)

    vars(stations)["new_charging_station"] = new_charging_station


def _run(file: Path) -> int:
    patient = _Patient(file)
    _give_a_slow_disk(patient)
    _give_a_fault(patient)
    return main(["service"])


if __name__ == "__main__":
    sys.exit(_run(Path(sys.argv[1])))
