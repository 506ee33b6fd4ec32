"""A network whose time passes 60 times as fast, and runs on while its service is down."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from cloud_service.database.connection import connect
from cloud_service.database.reading import Reader
from cloud_service.store.names import CLOCK
from tests.kit.processes import Stack
from tests.kit.shared_stack import SharedStack

SPEED = 60
"""A run may last a day of its network's time, for which request records are kept: 24 minutes."""
NO_SHOW = timedelta(minutes=3)
OVERRUN = timedelta(minutes=5)
EARLY_START = timedelta(minutes=5)

PASSING = {
    "clock_speed": str(SPEED),
    "no_show_minutes": f"{NO_SHOW / timedelta(minutes=1):g}",
    "overrun_minutes": f"{OVERRUN / timedelta(minutes=1):g}",
    "early_start_minutes": f"{EARLY_START / timedelta(minutes=1):g}",
}
"""Settings of the service."""


class FastStack(Stack):
    """A Stack in which reservations are missed and sessions overrun within seconds.

    Settings that are times, such as `checkpoint_seconds`, are in the network's time.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        super().__init__(folder, **PASSING, **settings)
        # Otherwise the service would choose the moment, and drivers could not tell the network's time.
        self._since = datetime.now(UTC)
        self.data_dir.mkdir(parents=True, exist_ok=True)
        clock = msgspec.json.encode({"since": self._since, "speed": SPEED})
        (self.data_dir / CLOCK).write_bytes(clock + b"\n")

    def now(self) -> datetime:
        """The network's time."""
        return fast_time(self._since)


class FastSharedStack(SharedStack):
    """The same on PostgreSQL, where time passes fast from the moment at which the network was made."""

    def __init__(self, folder: Path, /, *, state: str, services: int, **settings: str) -> None:
        super().__init__(folder, state=state, services=services, **PASSING, **settings)
        self._since: datetime | None = None

    def now(self) -> datetime:
        """The network's time. The database is on this machine, so its clock is this one's."""
        if self._since is None:
            with connect(self.state) as database:
                self._since = Reader(database).made_at()
        return fast_time(self._since)


def fast_time(since: datetime) -> datetime:
    """The time of a network in which it has passed fast since then."""
    return since + (datetime.now(UTC) - since) * SPEED
