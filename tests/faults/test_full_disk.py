"""A disk that is really full: a small file system of its own, filled to the last byte and emptied again."""

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cloud_service.mqtt.requester import Requester
from cloud_service.protocol.errors import StorageFailed
from cloud_service.store.snapshot import take_snapshot
from cloud_service.store.verify import examine
from tests.faults.checker import stop_and_check
from tests.faults.load import Load
from tests.kit.processes import Stack
from tests.kit.waiting import wait_until


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of one MiB; only root may mount one."""
    place = tmp_path / "stack" / "data"
    place.mkdir(parents=True)
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.strip()}")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)


def fill(place: Path) -> Path:
    """Takes all that is left."""
    ballast = place / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size in (65_536, 4_096, 512, 1):
            try:
                while file.write(bytes(size)):
                    pass
            except OSError:
                continue
    return ballast


class Operator:
    """Registers stations, each at a different place, and knows which of them must exist."""

    def __init__(self, stack: Stack) -> None:
        self.registered: set[int] = set()
        self._stack = stack
        self._tried = 0

    def register(self) -> bool:
        """Whether a new station could be registered; else it was refused with STORAGE."""
        self._tried += 1
        try:
            asyncio.run(self.ask("newChargingStation", x_position=self._tried, y_position=-1))
        except StorageFailed:
            return False
        self.registered.add(self._tried)
        return True

    def check(self) -> None:
        """Raises AssertionError unless the files have the stations that were registered, and none refused."""
        report = examine(take_snapshot(self._stack.data_dir), None, datetime.now(UTC))
        found = {station.x for station in report.tables.stations.values() if station.y == -1}
        assert found == self.registered, f"stations at {found}, registered were {self.registered}"

    async def ask(self, action: str, **values: object) -> object:
        async with Requester(self._stack.address, "operator") as operator:
            return await operator.request(action, values, timeout=5, retry=False)


def test_a_full_disk(small_disk: Path, tmp_path: Path, figure: Callable[[str], None]) -> None:
    """Changes are refused with STORAGE and change nothing, reads continue. With free space it recovers."""
    with Stack(tmp_path / "stack", checkpoint_seconds="0.5") as stack:
        operator = Operator(stack)
        with Load(stack, pause=0.05) as load:
            for _ in range(3):
                load.await_changes(20)
                ballast = fill(small_disk)
                wait_until(lambda: not operator.register(), "changes are refused", 30)
                assert asyncio.run(operator.ask("receiveAllChargingPoints", chargingStationID=1))
                operator.check()
                ballast.unlink()
                wait_until(operator.register, "a station can be registered again", 30)
                operator.check()
            load.await_changes(20)
        stop_and_check(stack, load)
        operator.check()
    figure(
        "disk filled 3 times: STORAGE and no change, reads answered, recovered without help;"
        f" {load.answered} answers hold"
    )
