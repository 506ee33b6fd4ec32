"""The cloud service with a clock that a test moves: python -m tests.kit.stepped_clock FILE

The file is shared memory with the time in microseconds since 1970. All else is the product. Time stands still
while the test does not move it, so no machine is too slow for it.
"""

import ctypes
import mmap
import sys
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from cloud_service.cli import service
from cloud_service.cli.main import main
from cloud_service.service.engine.network_time import Reading
from cloud_service.service.process import run_service
from tests.kit.processes import Process, Stack

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class SteppedClock:
    """The time in a file, which all processes that open it share."""

    def __init__(self, file: Path) -> None:
        with file.open("r+b") as opened:
            self._value = ctypes.c_int64.from_buffer(mmap.mmap(opened.fileno(), 8))

    @classmethod
    def create(cls, file: Path, now: datetime) -> "SteppedClock":
        file.write_bytes(bytes(8))
        clock = cls(file)
        clock.now = now
        return clock

    @property
    def now(self) -> datetime:
        return _EPOCH + timedelta(microseconds=self._value.value)

    @now.setter
    def now(self, moment: datetime) -> None:
        self._value.value = (moment - _EPOCH) // timedelta(microseconds=1)

    def read(self) -> Reading:
        """What the service reads: both of its clocks agree."""
        now = self.now
        return Reading(now, now - _EPOCH)


def with_stepped_clock(stack: Stack, file: Path) -> Process:
    """The service of this network, with the clock in the file."""
    words = [sys.executable, "-m", "tests.kit.stepped_clock", str(file)]
    environment = {**stack.environment, "PYTHONPATH": str(Path(__file__).parents[2])}
    return Process("service", words, stack.folder / "service.log", environment)


if __name__ == "__main__":
    vars(service)["run_service"] = partial(run_service, clock=SteppedClock(Path(sys.argv[1])).read)
    sys.exit(main(["service"]))
