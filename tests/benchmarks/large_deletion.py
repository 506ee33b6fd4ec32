"""How long a large deletion holds up others: python -m tests.benchmarks.large_deletion

A station has ten points with 100,000 reservations in all, each of an MQTT account. While it is deleted, and
while the broker gets its events, another account asks for its own points, one request after another. Then the
same for a point that has all of the reservations.
"""

import asyncio
import sys
import tempfile
import time
from argparse import ArgumentParser
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec import Struct

from cloud_service.core.records import Point, Reservation, Station
from cloud_service.core.tables import Tables
from cloud_service.mqtt.requester import Requester
from cloud_service.store.checkpoint import Checkpoint
from cloud_service.store.checkpoint_writer import CheckpointWriter, JournalTail
from cloud_service.store.filesystem import DiskFolder, replace_file
from cloud_service.store.names import segment_name
from tests.kit.processes import Stack
from tests.kit.waiting import DEADLINE

SECONDS_AFTERWARDS = 10.0
"""For the events: the broker takes longer for them than the service for the deletion."""


class Waits(Struct, frozen=True):
    """In seconds."""

    deletion: float
    """Until the account that deletes has its reply."""
    others: list[float]
    """Of each request of the other account, the longest last."""


def main(words: list[str] | None = None) -> int:
    parser = ArgumentParser(prog="python -m tests.benchmarks.large_deletion", description=__doc__)
    parser.add_argument("--reservations", type=int, default=100_000)
    options = parser.parse_args(words)
    station = {"chargingStationID": 1}
    print(describe("station", measure(options.reservations, 10, "deleteChargingStation", station)))
    point = {**station, "chargingPointID": 1}
    print(describe("point", measure(options.reservations, 1, "deleteChargingPoint", point)))
    return 0


def describe(what: str, waits: Waits) -> str:
    *_, second, longest = waits.others
    return (
        f"deleting the {what}: {waits.deletion * 1000:.0f} ms; of {len(waits.others)} requests of another"
        f" account, one waited {longest * 1000:.0f} ms, and the others {second * 1000:.0f} ms at most"
    )


def measure(reservations: int, points: int, action: str, values: dict[str, int]) -> Waits:
    """Makes the folder, starts broker and service on it, and deletes."""
    with tempfile.TemporaryDirectory(prefix="deletion-") as name:
        stack = Stack(Path(name), checkpoint_seconds="600")
        folder = DiskFolder(stack.data_dir)
        make_folder(folder, reservations, points)
        folder.close()
        try:
            stack.broker.start()
            stack.start_service()
            return asyncio.run(_delete(stack, action, values))
        finally:
            stack.kill()


def make_folder(folder: DiskFolder, reservations: int, points: int) -> None:
    """Ana's station, with the reservations on its points, and one of Bia's."""
    now = datetime.now(UTC)
    tables = Tables(last_station_id=2)
    tables.stations = {1: Station(1, 1, 1, "ana", points), 2: Station(2, 9, 9, "bia", 1)}
    tables.points[2, 1] = Point(1, 2, 22, 1, "livre")
    each = reservations // points
    for point in range(1, points + 1):
        tables.points[1, point] = Point(point, 1, 22, 1, "reservado", each)
        for number in range(1, each + 1):
            start, vehicle = now + timedelta(minutes=40 * number), f"vehicle-{point}-{number}"
            finish = start + timedelta(minutes=30)
            row = Reservation(number, 1, point, 22, 1, vehicle, start, finish, 0.5, 11, False)
            tables.reservations[row.key] = row
    checkpoint = Checkpoint(sequence=1, checksum="00000001", segment=1, at=now)
    CheckpointWriter(folder, tables, checkpoint, JournalTail(), 1).write()
    replace_file(folder, segment_name(1), [])


async def _delete(stack: Stack, action: str, values: dict[str, int]) -> Waits:
    async with Requester(stack.address, "ana") as ana, Requester(stack.address, "bia") as bia:
        done = asyncio.Event()
        others = asyncio.create_task(_ask_until(done, bia))
        await asyncio.sleep(1)
        begun = time.monotonic()
        await ana.request(action, dict(values), timeout=DEADLINE)
        deletion = time.monotonic() - begun
        await asyncio.sleep(SECONDS_AFTERWARDS)
        done.set()
        return Waits(deletion, sorted(await others))


async def _ask_until(done: asyncio.Event, requester: Requester) -> list[float]:
    waits: list[float] = []
    while not done.is_set():
        begun = time.monotonic()
        await requester.request("receiveAllChargingPoints", {"chargingStationID": 2}, timeout=DEADLINE)
        waits.append(time.monotonic() - begun)
        await asyncio.sleep(0.005)
    return waits


if __name__ == "__main__":
    sys.exit(main())
