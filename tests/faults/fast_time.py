"""A network whose time passes 60 times as fast, and runs on while its service is down.

python -m tests.faults.fast_time: the cloud service in such a network. The product's own RECHARGE_CLOCK_SPEED
begins again with each start of the service, which suits a demonstration, but would let nobody be late in a
network whose service is killed every second.
"""

import os
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cloud_service.cli.main import main
from cloud_service.service import loop
from cloud_service.service.clock import Pace
from tests.kit.processes import Process, Stack

SPEED = 60
"""A run may last a day of its network's time, for which request records are kept: 24 minutes."""
NO_SHOW = timedelta(minutes=3)
OVERRUN = timedelta(minutes=5)
EARLY_START = timedelta(minutes=5)
_SINCE = "FAST_TIME_SINCE"


class FastStack(Stack):
    """A Stack in which reservations are missed and sessions overrun within seconds.

    Settings that are times, such as `checkpoint_seconds`, are in the network's time.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        minutes = {
            "no_show_minutes": NO_SHOW,
            "overrun_minutes": OVERRUN,
            "early_start_minutes": EARLY_START,
        }
        rules = {name: f"{time / timedelta(minutes=1):g}" for name, time in minutes.items()}
        super().__init__(folder, clock_speed=str(SPEED), **rules, **settings)
        self._since = datetime.now(UTC)
        root = str(Path(__file__).parents[2])
        self.environment |= {_SINCE: self._since.isoformat(), "PYTHONPATH": root}
        self.service = self.service_through(self.mqtt_port)

    def service_through(self, port: int) -> Process:
        """The service, connected to this port instead of the broker's."""
        words = [sys.executable, "-m", "tests.faults.fast_time"]
        environment = {**self.environment, "RECHARGE_MQTT_PORT": str(port)}
        return Process("service", words, self.folder / "service.log", environment)

    def now(self) -> datetime:
        """The network's time."""
        return self._since + (datetime.now(UTC) - self._since) * SPEED


def run_on() -> None:
    """Has time in this process's network run on from when its FastStack was made, if there is one."""
    since = os.environ.get(_SINCE)
    if since is not None:
        moment = datetime.fromisoformat(since)
        vars(loop)["Pace"] = lambda _start, speed: Pace(moment, speed)


if __name__ == "__main__":
    run_on()
    sys.exit(main(["service"]))
