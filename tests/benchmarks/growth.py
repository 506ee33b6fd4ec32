"""How bookings grow with the services on one PostgreSQL: python -m tests.benchmarks.growth

Each service gets the same small share of a core, by a control group; the database, the broker and the load
are not held back. So the rates with 1, 2, 4 and 8 services show what they cost each other, not what the
machine can do. Rounds go up and down again; a row is the median of its rounds. Needs root, and PostgreSQL.
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

from tests.kit.closed_loop import Bookings, Place
from tests.kit.cpu import processor_share, used_seconds
from tests.kit.filled_database import empty, fill
from tests.kit.postgres import Postgres
from tests.kit.processes import Process
from tests.kit.shared_stack import SharedStack
from tests.kit.waiting import DEADLINE, wait_until

SERVICES = (1, 2, 4, 8)
STATIONS = 20_000
WAITING_EACH = 16
"""Bookings that wait at each service, however many there are."""
WARM_SECONDS = 1.5


class Round(Struct, frozen=True):
    """What was measured with this many services. Processor times are for the whole round."""

    services: int
    seconds: float
    bookings: int
    service_cpu: float
    database_cpu: float
    broker_cpu: float

    @property
    def rate(self) -> float:
        """Bookings a second."""
        return self.bookings / self.seconds


class Growth:
    """A database, a broker, and as many services as a round needs."""

    def __init__(self, folder: Path, postgres: Postgres, share: float, groups: ExitStack) -> None:
        self._postgres = postgres
        self.address = postgres.new_database()
        self.places = fill(self.address, STATIONS)
        self.stack = SharedStack(folder, state=self.address, services=max(SERVICES))
        self._shares = [groups.enter_context(processor_share(share)) for _ in self.stack.services]
        self._running = 0

    def start(self) -> None:
        """Starts the broker and one service, which fills the broker with the state of all stations."""
        self.stack.broker.start()
        self.stack.service.start()
        wait_until(
            lambda: "connected to the broker" in self.stack.service.tail(), "the first service is there"
        )
        wait_until(lambda: _is_idle(self.stack.service), "the retained state has been sent", 5 * DEADLINE)
        self._shares[0].take(self.stack.service.pid)
        self._running = 1

    def run(self, services: int) -> None:
        """Starts or stops services until this many run."""
        others = self.stack.services
        if services > self._running:
            new = others[self._running : services]
            self.stack.start_others(new)
            for share, service in zip(self._shares[self._running : services], new, strict=True):
                share.take(service.pid)
        for service in others[services : self._running]:
            service.stop()
        self._running = services

    def measure(self, places: Sequence[Place], seconds: float, waiting: int) -> Round:
        """Books at these places for some seconds."""
        empty(self.address)
        running = self.stack.services[: self._running]
        with Bookings(self.stack.mqtt_port, places, waiting) as bookings:
            time.sleep(WARM_SECONDS)
            begun, booked, before = time.monotonic(), bookings.booked, self._used(running)
            time.sleep(seconds)
            used = [now - then for now, then in zip(self._used(running), before, strict=True)]
            found = Round(
                self._running, time.monotonic() - begun, bookings.booked - booked, used[0], used[1], used[2]
            )
        assert not bookings.refused, bookings.refused[:3]
        return found

    def kill(self) -> None:
        """Ends what runs."""
        for process in (*self.stack.services, self.stack.broker):
            if process.running:
                process.kill()

    def _used(self, running: Sequence[Process]) -> tuple[float, float, float]:
        services = sum(used_seconds(each.pid) for each in running)
        return services, used_seconds(self._postgres.pid), used_seconds(self.stack.broker.pid)


def main(words: list[str] | None = None) -> int:
    parser = ArgumentParser(prog="python -m tests.benchmarks.growth", description=__doc__)
    parser.add_argument("--share", type=float, default=0.08, help="of a core, for each service")
    parser.add_argument("--seconds", type=float, default=5.0, help="of a round")
    parser.add_argument("--rounds", type=int, default=2, help="up and down again")
    options = parser.parse_args(words)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="growth-")))
        settings = ("shared_buffers=256MB", "max_wal_size=4GB")
        postgres = stack.enter_context(Postgres(folder / "postgres.log", settings=settings))
        growth = Growth(folder / "network", postgres, options.share, stack)
        stack.callback(growth.kill)
        growth.start()
        spread: list[Round] = []
        hot: list[Round] = []
        for number in range(options.rounds):
            for services in (*SERVICES, *reversed(SERVICES)):
                growth.run(services)
                spread.append(growth.measure(growth.places, options.seconds, WAITING_EACH * services))
                if services in (1, max(SERVICES)):
                    hot.append(
                        growth.measure(growth.places[:1], options.seconds, WAITING_EACH * max(SERVICES))
                    )
                print(f"round {number + 1}: {describe(spread[-1])}", file=sys.stderr, flush=True)
        _print_growth("stations far and wide", spread)
        _print_growth("one station", hot)
    return 0


def _print_growth(what: str, rounds: Sequence[Round]) -> None:
    alone = _median_rate(rounds, 1)
    print(f"\n{what}")
    for services in sorted({each.services for each in rounds}):
        rate = _median_rate(rounds, services)
        of_these = [each for each in rounds if each.services == services]
        middle = sorted(of_these, key=lambda each: each.rate)[len(of_these) // 2]
        ratio = rate / alone
        print(
            f"{describe(middle)}; median {rate:.0f}/s, {ratio:.2f} times one, {ratio / services:.2f} linear"
        )


def _median_rate(rounds: Sequence[Round], services: int) -> float:
    return median(each.rate for each in rounds if each.services == services)


def describe(measured: Round) -> str:
    """A row: the rate, and processor time for a booking."""
    each = 1e6 / max(measured.bookings, 1)
    return (
        f"{measured.services} services: {measured.rate:.0f} bookings/s; a booking takes"
        f" {measured.service_cpu * each:.0f} us of a service, {measured.database_cpu * each:.0f} us of the"
        f" database, {measured.broker_cpu * each:.0f} us of the broker; the database used"
        f" {measured.database_cpu / measured.seconds:.2f} cores"
    )


def _is_idle(service: Process) -> bool:
    before = used_seconds(service.pid)
    time.sleep(2)
    return used_seconds(service.pid) - before < 0.1


if __name__ == "__main__":
    sys.exit(main())
