"""How much work the passing of time makes: it is counted in lines of Python, which no other load changes."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from types import FrameType
from typing import Any

import pytest

from cloud_service.service.engine.limits import EngineLimits
from tests.kit.crowd import HOUR, MARGIN, Crowd
from tests.kit.in_memory_store import InMemoryStore
from tests.kit.records import minutes
from tests.unit.service.engine.bench import Bench, FailingStore

ENDLESS = EngineLimits(booking_horizon=timedelta(0))


class Lines:
    """How many lines were run."""

    def __init__(self) -> None:
        self.count = 0

    def trace(self, frame: FrameType, event: str, argument: object) -> Any:
        self.count += event == "line"
        return self.trace


@contextmanager
def counting() -> Iterator[Lines]:
    lines, before = Lines(), sys.gettrace()
    sys.settrace(lines.trace)
    try:
        yield lines
    finally:
        sys.settrace(before)


def work(bench: Bench, turns: int = 1, **later: float) -> float:
    """The lines for each event, while time passes."""
    events = 0
    with counting() as lines:
        for _ in range(turns):
            events += sum(len(changes.events) for changes in bench.turn(**later).changes)
    assert events, "nothing has happened"
    return lines.count / events


def bench_of(crowd: Crowd) -> Bench:
    return Bench(InMemoryStore(crowd.tables), ENDLESS)


def overrun(waiting: int) -> float:
    """A session overruns for three hours; reservations wait behind it, each right after the other."""
    crowd = Crowd(1)
    crowd.charge(crowd.book(1, minutes(-30)))
    for number in range(waiting):
        crowd.book(1, minutes(35) + number * (HOUR + MARGIN))
    return work(bench_of(crowd), turns=13, minutes=15)


def crowd_for_a_gap(waiting: int) -> float:
    """An hour is cancelled. Flexible reservations at another point wait for it, and for what these leave."""
    crowd = Crowd(2)
    first = crowd.book(1, minutes(10))
    crowd.book(1, minutes(10) + HOUR + MARGIN, 10_000 * HOUR)
    for number in range(waiting):
        crowd.book(2, 24 * HOUR + number * (HOUR + MARGIN), flexible=True)
    bench = bench_of(crowd)
    bench.send(first.vehicle[1], "deleteReservation", reservationID=first.reservation_id)
    return work(bench)


def waiting_for_nothing(waiting: int) -> float:
    """Time is cancelled that is too short for the flexible reservations at another point."""
    crowd = Crowd(2)
    first = crowd.book(1, minutes(10), minutes(20))
    crowd.book(1, minutes(35), 10_000 * HOUR)
    for number in range(waiting):
        crowd.book(2, 24 * HOUR + number * (HOUR + MARGIN), flexible=True)
    bench = bench_of(crowd)
    bench.send(first.vehicle[1], "deleteReservation", reservationID=first.reservation_id)
    return work(bench)


def catching_up(flexible: int) -> float:
    """The service was stopped for a day, in which reservations finished; flexible ones wait elsewhere."""
    crowd = Crowd(41)
    for number in range(1, 41):
        crowd.book(number, number * minutes(1))
    for number in range(flexible):
        crowd.book(41, 48 * HOUR + number * (HOUR + MARGIN), flexible=True)
    return work(bench_of(crowd), hours=24)


@pytest.mark.parametrize(
    ("situation", "few", "many"),
    [(overrun, 20, 2_000), (crowd_for_a_gap, 50, 500), (catching_up, 0, 200)],
    ids=["an overrun before many reservations", "many flexible ones for one gap", "finishes beside many"],
)
def test_work_grows_with_what_happens_only(situation: Callable[[int], float], few: int, many: int) -> None:
    assert situation(many) < 1.5 * situation(few)


def test_a_flexible_reservation_that_cannot_move_is_little_work() -> None:
    """Hundreds may wait, and are offered all that frees. To choose a slot would take three times as much."""
    assert (waiting_for_nothing(200) - waiting_for_nothing(100)) / 100 < 40


def failing_write(due: int) -> int:
    """The lines of a failed attempt to write, when this many reservations have finished."""
    crowd = Crowd(1)
    for number in range(due):
        crowd.book(1, number * (HOUR + MARGIN))
    store = FailingStore(crowd.tables)
    store.failing_writes = 1
    bench = Bench(store, EngineLimits(booking_horizon=timedelta(0), batch_work=10))
    with counting() as lines:
        bench.turn(hours=2 * due)
    assert not store.failing_writes
    return lines.count


def test_a_failed_write_is_as_much_work_as_a_batch() -> None:
    """What is due beyond it would be computed for nothing, at each attempt."""
    assert failing_write(400) < 1.5 * failing_write(20)
