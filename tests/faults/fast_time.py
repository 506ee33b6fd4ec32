"""A network whose time passes 60 times as fast, and runs on while its service is down."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from cloud_service.store.names import CLOCK
from tests.kit.processes import Stack

SPEED = 60
"""A run may last a day of its network's time, for which request records are kept: 24 minutes."""
NO_SHOW = timedelta(minutes=3)
OVERRUN = timedelta(minutes=5)
EARLY_START = timedelta(minutes=5)


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
        # Otherwise the service would choose the moment, and drivers could not tell the network's time.
        self._since = datetime.now(UTC)
        self.data_dir.mkdir(parents=True, exist_ok=True)
        clock = msgspec.json.encode({"since": self._since, "speed": SPEED})
        (self.data_dir / CLOCK).write_bytes(clock + b"\n")

    def now(self) -> datetime:
        """The network's time."""
        return self._since + (datetime.now(UTC) - self._since) * SPEED
