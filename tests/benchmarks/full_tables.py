"""What a full table costs: python -m tests.benchmarks.full_tables

Two networks of one service each, with 10,000 and with 1,000,000 reservations, ten at each point. They are
asked in turn, a few seconds each. Also: how large rows are, and what a booking adds to the write-ahead log.
"""

import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from cloud_service.database.connection import connect
from tests.kit.closed_loop import Bookings, Place
from tests.kit.cpu import used_seconds
from tests.kit.filled_database import fill
from tests.kit.postgres import Postgres
from tests.kit.processes import Process
from tests.kit.shared_stack import SharedStack
from tests.kit.waiting import DEADLINE, wait_until

EACH = 10
SIZES = (10_000, 1_000_000)
ROUNDS = 5
SECONDS = 4.0
WAITING = 128
_BYTES = """
    SELECT relname::text, pg_total_relation_size(oid)::float8 / reltuples FROM pg_class
    WHERE relkind = 'r' AND reltuples > 0 AND (relname IN ('stations', 'points', 'reservations')
        OR relname LIKE 'requests_%')
"""


def main() -> int:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tables-")))
        settings = ("shared_buffers=512MB", "max_wal_size=8GB")
        postgres = stack.enter_context(Postgres(folder / "postgres.log", settings=settings))
        networks = [_Network(folder / str(size), postgres, size) for size in SIZES]
        for network in networks:
            stack.callback(network.kill)
            network.start()
        rates: list[list[float]] = [[], []]
        for _ in range(ROUNDS):
            for network, found in zip(networks, rates, strict=True):
                found.append(network.book())
        small, large = map(median, rates)
        print(f"bookings/s with {SIZES[0]:,} reservations: {small:.0f}; with {SIZES[1]:,}: {large:.0f};")
        print(f"the ratio is {large / small:.2f}")
        networks[1].describe()
    return 0


class _Network:
    def __init__(self, folder: Path, postgres: Postgres, reservations: int) -> None:
        self._postgres = postgres
        self.address = postgres.new_database()
        self.places: list[Place] = fill(self.address, reservations // EACH, EACH)
        self.stack = SharedStack(folder, state=self.address)
        self._wal = 0.0
        self._cpu = 0.0
        self._booked = 0

    def start(self) -> None:
        self.stack.broker.start()
        self.stack.service.start()
        wait_until(lambda: is_idle(self.stack.service), "the retained state has been sent", 10 * DEADLINE)

    def book(self) -> float:
        """Returns how many bookings a second were made."""
        with Bookings(self.stack.mqtt_port, self.places, WAITING) as bookings:
            time.sleep(1)
            begun, booked = time.monotonic(), bookings.booked
            wal, cpu = self._wal_position(), used_seconds(self._postgres.pid)
            time.sleep(SECONDS)
            made = bookings.booked - booked
            rate = made / (time.monotonic() - begun)
            self._wal += self._wal_position() - wal
            self._cpu += used_seconds(self._postgres.pid) - cpu
            self._booked += made
        return rate

    def describe(self) -> None:
        with connect(self.address) as database:
            database.execute("ANALYZE")
            for name, size in database.execute(_BYTES).fetchall():
                print(f"{name}: {size:.0f} bytes a row, with its indexes")
        print(f"a booking adds {self._wal / self._booked:.0f} bytes to the write-ahead log")
        print(f"and takes {self._cpu / self._booked * 1e6:.0f} us of the database's processor")

    def kill(self) -> None:
        for process in (self.stack.service, self.stack.broker):
            if process.running:
                process.kill()

    def _wal_position(self) -> float:
        with connect(self.address) as database:
            row = database.execute("SELECT pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0')::float8").fetchone()
        assert row is not None
        return float(row[0])


def is_idle(service: Process) -> bool:
    """Whether the service does nothing for some seconds."""
    before = used_seconds(service.pid)
    time.sleep(3)
    return used_seconds(service.pid) - before < 0.15


if __name__ == "__main__":
    sys.exit(main())
