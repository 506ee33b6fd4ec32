"""A disk that is really full: a small file system of its own, filled to the last byte and emptied again."""

import asyncio
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cloud_service.broker.requester import Requester
from cloud_service.protocol.errors import StorageFailed
from tests.faults.checker import stop_and_check
from tests.faults.load import Load
from tests.faults.test_connections import await_answers
from tests.harness import Stack, wait_until


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


def test_a_full_disk(small_disk: Path, tmp_path: Path, figure: Callable[[str], None]) -> None:
    """Changes are refused with STORAGE and change nothing, reads go on; with room all is well by itself."""
    with Stack(tmp_path / "stack", checkpoint_seconds="0.5") as stack:
        with Load(stack, pause=0.05) as load:
            for _ in range(3):
                await_answers(load, 20)
                ballast = fill(small_disk)
                wait_until(lambda: asyncio.run(_refused(stack)), "changes are refused", 30)
                assert asyncio.run(_ask(stack, "receiveAllChargingPoints", chargingStationID=1))
                ballast.unlink()
            await_answers(load, 20)
        stop_and_check(stack, load)
    figure(
        "disk filled 3 times: STORAGE and no change, reads answered, well again by itself;"
        f" {load.answered} answers hold"
    )


async def _refused(stack: Stack) -> bool:
    """Whether a station can neither be registered nor deleted."""
    try:
        station = await _ask(stack, "newChargingStation", x_position=-1, y_position=-1)
        await _ask(stack, "deleteChargingStation", chargingStationID=station)
    except StorageFailed:
        return True
    return False


async def _ask(stack: Stack, action: str, **values: object) -> object:
    async with Requester(stack.address, "operator") as operator:
        return await operator.request(action, values, timeout=5, retry=False)
