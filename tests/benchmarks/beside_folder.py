"""One service on PostgreSQL beside one on a data folder: python -m tests.benchmarks.beside_folder

Both have the same stations, and are asked in turn, a few seconds each, while as many bookings wait. Processor
time for a booking says more than the rate, which depends on what else the machine does.
"""

import sys
import tempfile
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from msgspec import Struct

from cloud_service.cli.main import main as recharge
from tests.kit.closed_loop import Bookings, Place
from tests.kit.cpu import used_seconds
from tests.kit.filled_database import fill
from tests.kit.postgres import Postgres
from tests.kit.processes import Stack
from tests.kit.shared_stack import SharedStack
from tests.kit.waiting import DEADLINE, wait_until

STATIONS = 20_000
WAITING = (16, 128)
"""Bookings that wait at the service."""
WARM_SECONDS = 1.5
PROCESSES = ("service", "database", "broker")


class Round(Struct, frozen=True):
    """The rate, and microseconds of processor time for a booking in each process."""

    rate: float
    cpu: tuple[float, ...]


class Side:
    """One of the two networks."""

    def __init__(self, stack: Stack, database: Postgres | None) -> None:
        self.stack = stack
        self._database = database

    def start(self) -> None:
        """Starts it, and waits until the broker has the state of all stations."""
        self.stack.broker.start()
        self.stack.service.start()
        wait_until(self._is_idle, "the retained state has been sent", 5 * DEADLINE)

    def measure(self, places: Sequence[Place], waiting: int, seconds: float) -> Round:
        with Bookings(self.stack.mqtt_port, places, waiting) as bookings:
            time.sleep(WARM_SECONDS)
            begun, booked, before = time.monotonic(), bookings.booked, self._used()
            time.sleep(seconds)
            used = [now - then for now, then in zip(self._used(), before, strict=True)]
            made, passed = bookings.booked - booked, time.monotonic() - begun
        assert not bookings.refused, bookings.refused[:3]
        return Round(made / passed, tuple(1e6 * each / max(made, 1) for each in used))

    def kill(self) -> None:
        for process in (self.stack.service, self.stack.broker):
            if process.running:
                process.kill()

    def _used(self) -> list[float]:
        database = 0.0 if self._database is None else used_seconds(self._database.pid)
        return [used_seconds(self.stack.service.pid), database, used_seconds(self.stack.broker.pid)]

    def _is_idle(self) -> bool:
        before = used_seconds(self.stack.service.pid)
        time.sleep(2)
        return used_seconds(self.stack.service.pid) - before < 0.1


def main(words: list[str] | None = None) -> int:
    parser = ArgumentParser(prog="python -m tests.benchmarks.beside_folder", description=__doc__)
    parser.add_argument("--seconds", type=float, default=5.0, help="of a round")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args(words)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="beside-")))
        settings = ("shared_buffers=256MB", "max_wal_size=4GB")
        postgres = stack.enter_context(Postgres(folder / "postgres.log", settings=settings))
        address = postgres.new_database()
        places = fill(address, STATIONS)
        on_folder = Stack(folder / "beside")
        assert recharge(["migrate", "--from", address, "--to", str(on_folder.data_dir)]) == 0
        sides = {
            "data folder": Side(on_folder, None),
            "PostgreSQL": Side(SharedStack(folder / "network", state=address), postgres),
        }
        for side in sides.values():
            stack.callback(side.kill)
            side.start()
        for waiting in WAITING:
            rounds: dict[str, list[Round]] = {name: [] for name in sides}
            for _ in range(options.rounds):
                for name, side in sides.items():
                    rounds[name].append(side.measure(places, waiting, options.seconds))
            print(f"{waiting} waiting")
            for name, found in rounds.items():
                print(f"  {name}: {describe(found)}", flush=True)
    return 0


def describe(rounds: Sequence[Round]) -> str:
    """The medians, and the smallest and largest values of all rounds."""
    parts = [f"{_spread([each.rate for each in rounds])} bookings/s"]
    for number, name in enumerate(PROCESSES):
        parts.append(f"{_spread([each.cpu[number] for each in rounds])} us of the {name}")
    return "; ".join(parts)


def _spread(values: Sequence[float]) -> str:
    return f"{median(values):.0f} ({min(values):.0f} to {max(values):.0f})"


if __name__ == "__main__":
    sys.exit(main())
