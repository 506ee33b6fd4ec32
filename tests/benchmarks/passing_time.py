"""What the passing of time costs: python -m tests.benchmarks.passing_time

The engine runs without a broker or a disk, on a clock of its own. A row is a situation with a number of
reservations: the events that it causes, the processor time until all is decided, and the longest batch.
"""

import sys
import time
from argparse import ArgumentParser
from collections.abc import Callable
from datetime import timedelta

from msgspec import Struct
from msgspec.structs import replace

from cloud_service.service.engine.limits import EngineLimits
from tests.kit.crowd import HOUR, MARGIN, Crowd
from tests.kit.in_memory_store import InMemoryStore
from tests.kit.records import minutes
from tests.unit.service.engine.bench import Bench

ENDLESS = EngineLimits(booking_horizon=timedelta(0))


class Cost(Struct):
    """What a situation cost. Times are in seconds."""

    events: int = 0
    batches: int = 0
    seconds: float = 0.0
    longest: float = 0.0


def bench_of(crowd: Crowd, limits: EngineLimits = ENDLESS) -> Bench:
    return Bench(InMemoryStore(crowd.tables), limits)


def turn(bench: Bench, **later: float) -> Cost:
    """Lets time pass, and counts until nothing is due any more."""
    cost = Cost()
    bench.now += timedelta(**later)
    while True:
        begun = time.process_time()
        result = bench.engine.work(bench.now)
        lasted = time.process_time() - begun
        if cost.batches and not result.changes:
            return cost
        cost.batches += 1
        cost.seconds += lasted
        cost.longest = max(cost.longest, lasted)
        cost.events += sum(len(changes.events) for changes in result.changes)


def cancellation(size: int) -> Cost:
    """flexible reservations wait behind another at a point, and that one is cancelled"""
    crowd = Crowd(1)
    first = crowd.book(1, minutes(10), 10 * HOUR)
    for number in range(size):
        crowd.book(1, minutes(10) + 10 * HOUR + MARGIN + number * (HOUR + MARGIN), flexible=True)
    bench = bench_of(crowd)
    bench.send(first.vehicle[1], "deleteReservation", reservationID=first.reservation_id)
    return turn(bench)


def one_gap(size: int) -> Cost:
    """flexible reservations wait at another point; the time of one is cancelled"""
    crowd = Crowd(2)
    first = crowd.book(1, minutes(10))
    crowd.book(1, minutes(10) + HOUR + MARGIN, 10_000 * HOUR)
    for number in range(size):
        crowd.book(2, minutes(10) + 24 * HOUR + number * (HOUR + MARGIN), flexible=True)
    bench = bench_of(crowd)
    bench.send(first.vehicle[1], "deleteReservation", reservationID=first.reservation_id)
    return turn(bench)


def too_short(size: int) -> Cost:
    """flexible reservations wait, and a time is cancelled that is too short for any of them"""
    crowd = Crowd(2)
    first = crowd.book(1, minutes(10), minutes(20))
    crowd.book(1, minutes(35), 10_000 * HOUR)
    for number in range(size):
        crowd.book(2, minutes(10) + 24 * HOUR + number * (HOUR + MARGIN), flexible=True)
    bench = bench_of(crowd)
    bench.send(first.vehicle[1], "deleteReservation", reservationID=first.reservation_id)
    return turn(bench)


def overruns(size: int, pause: timedelta = MARGIN) -> Cost:
    """a session overruns for a day at a point that has many reservations"""
    crowd = Crowd(1)
    crowd.charge(crowd.book(1, minutes(-30)))
    for number in range(size):
        crowd.book(1, minutes(30) + pause + number * (HOUR + pause))
    bench, total = bench_of(crowd), Cost()
    for _ in range(100):
        cost = turn(bench, minutes=15)
        total.events, total.batches = total.events + cost.events, total.batches + cost.batches
        total.seconds, total.longest = total.seconds + cost.seconds, max(total.longest, cost.longest)
    return total


def overruns_with_gaps(size: int) -> Cost:
    """the same, with gaps between the reservations in which none of them fits"""
    return overruns(size, minutes(60))


def full_network(size: int) -> Cost:
    """a hundred points break down, and no station has time for what they cannot keep"""
    crowd = Crowd(size)
    for number in range(1, size + 1):
        crowd.book(number, minutes(10))
        crowd.book(number, minutes(15) + HOUR, 1_000 * HOUR)
    for number in range(1, 101):
        crowd.tables.points[number, 1] = replace(crowd.tables.points[number, 1], operational=False)
    return turn(bench_of(crowd, EngineLimits()), minutes=1)


def catching_up(size: int, flexible: int = 0) -> Cost:
    """the service was stopped for a day, and this many reservations have finished meanwhile"""
    stations = size // 10
    crowd = Crowd(stations)
    for number in range(1, stations + 1):
        for place in range(10):
            row = crowd.book(number, minutes(10 + number % 60) + place * 2 * HOUR)
            if place == 0 and number % 4 == 0:
                crowd.charge(row)
    for number in range(flexible):
        crowd.book(number % stations + 1, 48 * HOUR + number // stations * 2 * HOUR, flexible=True)
    return turn(bench_of(crowd), hours=24)


def catching_up_beside_flexible(size: int) -> Cost:
    """the same, while 500 flexible reservations wait"""
    return catching_up(size, 500)


SITUATIONS: dict[str, tuple[Callable[[int], Cost], tuple[int, ...]]] = {
    "cancellation": (cancellation, (500, 1_000)),
    "one gap": (one_gap, (500, 1_000)),
    "too short": (too_short, (500, 1_000)),
    "overruns": (overruns, (100, 10_000)),
    "overruns, gaps": (overruns_with_gaps, (100, 10_000)),
    "full network": (full_network, (1_000, 10_000)),
    "catching up": (catching_up, (10_000, 100_000)),
    "catching up, flexible": (catching_up_beside_flexible, (10_000, 100_000)),
}


def main(words: list[str] | None = None) -> int:
    parser = ArgumentParser(prog="python -m tests.benchmarks.passing_time", description=__doc__)
    parser.add_argument("--only", choices=SITUATIONS, action="append", help="this situation; may be repeated")
    options = parser.parse_args(words)
    for name in options.only or SITUATIONS:
        situation, sizes = SITUATIONS[name]
        print(f"{name}: {situation.__doc__}")
        for size in sizes:
            cost = situation(size)
            each = cost.seconds / max(cost.events, 1) * 1e6
            print(
                f"  {size:7,}: {cost.events:7,} events in {cost.seconds:7.3f} s ({each:,.0f} µs each),"
                f" {cost.batches:4} batches, the longest {cost.longest * 1e3:6.1f} ms",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    sys.exit(main())
