"""How long a large network takes to start and to stop: python -m tests.benchmarks.start_and_stop

A folder with 100,000 stations, 400,000 points, 200,000 reservations and a journal of 100,000 lines is made;
the service starts on it, as a process, and is asked to end.
"""

import asyncio
import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from cloud_service.core.changes import Changes, Event
from cloud_service.core.records import Point, Reservation, Station
from cloud_service.core.tables import Tables
from cloud_service.mqtt.requester import Requester
from cloud_service.store.checkpoint import Checkpoint
from cloud_service.store.checkpoint_writer import CheckpointWriter, JournalTail
from cloud_service.store.filesystem import DiskFolder, replace_file
from cloud_service.store.journal import Batch, JournalPosition, RequestRecord, encode_line
from cloud_service.store.names import segment_name
from tests.kit.processes import Stack
from tests.kit.waiting import DEADLINE, wait_until

POINTS_EACH = 4


class Times(Struct, frozen=True):
    """In seconds. Starts are until the service is online, stops from SIGTERM to the end of the process."""

    start: float
    reading: str
    """What the service says about its own reading."""
    stop_while_telling: float
    """While the retained state was still on its way to the broker."""
    start_without_journal: float
    first_answer: float
    """The wait of a request that is sent at that moment, behind what the broker has retained."""
    stop_in_checkpoint: float
    stop_at_rest: float


def main(words: list[str] | None = None) -> int:
    parser = ArgumentParser(prog="python -m tests.benchmarks.start_and_stop", description=__doc__)
    parser.add_argument("--stations", type=int, default=100_000)
    parser.add_argument("--reservations", type=int, default=200_000)
    parser.add_argument("--lines", type=int, default=100_000, help="of the journal")
    options = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="scale-") as name:
        times = measure(Path(name), options.stations, options.reservations, options.lines)
    print("\n".join(describe(times)))
    return 0


def describe(times: Times) -> list[str]:
    """A line for each figure."""
    return [
        f"start to online: {times.start:.1f} s; of these, {times.reading}",
        f"start to online after a clean stop, without a journal: {times.start_without_journal:.1f} s",
        f"a request right after a start at a broker that has all retained state: {times.first_answer:.1f} s",
        f"SIGTERM to the end: {times.stop_at_rest:.1f} s at rest, {times.stop_in_checkpoint:.1f} s in a"
        f" checkpoint, {times.stop_while_telling:.1f} s while the retained state was on its way",
    ]


def measure(place: Path, stations: int, reservations: int, lines: int) -> Times:
    """Makes the folder, and has a service start on it and end three times."""
    stack = Stack(place, checkpoint_seconds="600", log_level="info")
    hurried = Stack(place, stack.broker, checkpoint_seconds="0.1", log_level="info")
    folder = DiskFolder(stack.data_dir)
    make_folder(folder, stations, reservations, lines)
    folder.close()
    try:
        stack.broker.start()
        start = _start(stack)
        reading = _read_line(stack)
        assert f"{reservations} reservations" in reading, reading
        stop_while_telling = _stop(stack)
        start_without_journal = _start(stack)
        _wait_until_told(stack)
        stop_at_rest = _stop(stack)
        _start(hurried)
        first_answer = _answer(hurried, "receiveAllChargingPoints", {"chargingStationID": 1})
        _wait_until_told(hurried)
        stop_in_checkpoint = _stop_in_checkpoint(hurried)
    finally:
        hurried.kill()
        stack.kill()
    return Times(
        start,
        reading,
        stop_while_telling,
        start_without_journal,
        first_answer,
        stop_in_checkpoint,
        stop_at_rest,
    )


def _start(stack: Stack) -> float:
    begun = time.monotonic()
    stack.start_service()
    return time.monotonic() - begun


def _answer(stack: Stack, action: str, values: Mapping[str, object]) -> float:
    """How long the answer to a request takes."""

    async def ask() -> float:
        async with Requester(stack.address, "operator") as operator:
            begun = time.monotonic()
            await operator.request(action, values, timeout=DEADLINE)
            return time.monotonic() - begun

    return asyncio.run(ask())


def _stop_in_checkpoint(stack: Stack) -> float:
    """A change makes a checkpoint due; its first file tells that it is being made."""
    _answer(stack, "newChargingStation", {"x_position": -1, "y_position": -1})
    wait_until(lambda: any(stack.data_dir.glob("*.json.new")), "a checkpoint is being made")
    return _stop(stack)


def make_folder(folder: DiskFolder, stations: int, reservations: int, lines: int) -> None:
    """A network as a checkpoint leaves it, and a journal of bookings and changes after it."""
    now = datetime.now(UTC)
    tables = Tables(last_station_id=stations)
    side = round(stations**0.5)
    for number in range(1, stations + 1):
        tables.stations[number] = Station(number, number % side, number // side, "owner", POINTS_EACH)
        for point in range(1, POINTS_EACH + 1):
            tables.points[number, point] = Point(point, number, 22, 0.5, "livre")
    for number in range(reservations - lines // 2):
        _book(tables, number, now)
    checkpoint = Checkpoint(sequence=1, checksum="00000001", segment=1, at=now)
    CheckpointWriter(folder, tables, checkpoint, JournalTail(), 1).write()
    replace_file(folder, segment_name(1), _journal(tables, reservations - lines // 2, lines, now))


def _journal(tables: Tables, booked: int, lines: int, now: datetime) -> Iterator[bytes]:
    position = JournalPosition(1, "00000001")
    for number in range(lines):
        remembered = RequestRecord(
            "client", f"text:{number:032x}", bytes(16), "ok", '"ok":true,"result":"Sucesso"'
        )
        if number % 2:
            row = _book(tables, booked + number // 2, now)
            event = Event("reservationScheduled", now, "requested", row, "owner")
            changes = Changes(points=(tables.points[row.point_key],), reservations=(row,), events=(event,))
        else:
            point = tables.points[number % len(tables.stations) + 1, POINTS_EACH]
            changes = Changes(points=(replace(point, power=50),))
        batch = Batch(
            position.sequence + 1, position.checksum, now, (changes,), (remembered,), position.sequence
        )
        line, position = encode_line(batch)
        yield line


def _book(tables: Tables, number: int, now: datetime) -> Reservation:
    """A reservation at the stations' first points in turn, one day after another."""
    station_id, rounds = number % len(tables.stations) + 1, number // len(tables.stations)
    start = now + timedelta(days=rounds + 1)
    row = Reservation(
        rounds + 1,
        station_id,
        1,
        22,
        0.5,
        f"vehicle-{number}",
        start,
        start + timedelta(hours=1),
        1.0,
        11.0,
        False,
    )
    point = tables.points[row.point_key]
    tables.points[point.key] = replace(point, availability="reservado", last_reservation_id=rounds + 1)
    tables.reservations[row.key] = row
    return row


def _read_line(stack: Stack) -> str:
    """What the service says about its own reading."""
    lines = stack.service.log.read_text().splitlines()
    return next(line.partition("service: ")[2] for line in reversed(lines) if " read in " in line)


def _wait_until_told(stack: Stack) -> None:
    """Until the service has nothing more to do for a while."""
    idle, before = 0, _processor_seconds(stack)
    while idle < 6:
        time.sleep(0.5)
        now = _processor_seconds(stack)
        idle = idle + 1 if now - before < 0.05 else 0
        before = now


def _processor_seconds(stack: Stack) -> float:
    fields = Path(f"/proc/{stack.service.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def _stop(stack: Stack) -> float:
    begun = time.monotonic()
    status = stack.service.stop()
    assert status == 0, stack.service.tail()
    return time.monotonic() - begun


if __name__ == "__main__":
    sys.exit(main())
