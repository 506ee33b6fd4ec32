"""The queue of a point: five minutes on either side, and gaps that are used."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from cloud_service.core.queue import Queue
from tests.kit.records import NOW, minutes, reservation
from tests.unit.core.reference import earliest_start, fits


def queue_of(*spans: tuple[float, float]) -> Queue:
    """A queue with a reservation from and until each of these minutes after now."""
    queue = Queue()
    for number, (start, finish) in enumerate(spans, 1):
        queue.add(reservation(number, NOW + minutes(start), NOW + minutes(finish)))
    return queue


@pytest.mark.parametrize(
    ("spans", "duration", "start"),
    [
        ([], 60, 5),
        ([(5, 65)], 60, 70),
        ([(-30, 30)], 60, 35),
        ([(70, 100)], 60, 5),
        ([(69, 100)], 60, 105),
        ([(5, 65), (135, 200)], 60, 70),
        ([(5, 65), (134, 200)], 60, 205),
        ([(-200, -100), (70, 80)], 60, 5),
        ([(-200, 2), (72, 80)], 60, 7),
        ([(-200, 2), (71, 80)], 60, 85),
        ([(5, 10), (30, 40), (70, 80)], 20, 45),
        ([(5, 10), (20, 40)], 0, 15),
        ([(5, 10), (19, 40)], 0, 45),
    ],
    ids=[
        "empty: five minutes after now",
        "after the last",
        "after the one that runs",
        "before the first, exactly",
        "before the first, a minute short",
        "between two, exactly",
        "between two, a minute short",
        "before the first that is to come",
        "after the one that runs and before the next, exactly",
        "after the one that runs, a minute short",
        "the first gap that is long enough",
        "a charge of no time in a gap of ten minutes",
        "a charge of no time in a gap of nine minutes",
    ],
)
def test_earliest_start(spans: list[tuple[float, float]], duration: float, start: float) -> None:
    assert queue_of(*spans).earliest_start(NOW + minutes(5), minutes(duration)) == NOW + minutes(start)


def test_a_gap_that_opens_by_a_cancellation_is_used() -> None:
    queue = queue_of((5, 65), (70, 130), (135, 195))
    queue.remove(reservation(2, NOW + minutes(70), NOW + minutes(130)))
    assert queue.earliest_start(NOW + minutes(5), minutes(60)) == NOW + minutes(70)
    assert queue.earliest_start(NOW + minutes(5), minutes(60) + timedelta(microseconds=1)) == NOW + minutes(
        200
    )


def test_a_gap_that_passed_is_not_used() -> None:
    queue = queue_of((5, 10), (100, 110), (200, 210))
    assert queue.earliest_start(NOW + minutes(125), minutes(30)) == NOW + minutes(125)


def test_order_and_end() -> None:
    queue = queue_of((70, 80), (5, 10), (30, 40))
    assert [each.reservation_id for each in queue] == [2, 3, 1]
    assert len(queue) == 3
    assert queue.free_from == NOW + minutes(80)
    assert Queue().free_from is None


def test_removing_what_is_not_there() -> None:
    with pytest.raises(ValueError, match="not in list"):
        queue_of((5, 10)).remove(reservation(2, NOW, NOW + minutes(1)))


spans_in_order = st.lists(st.tuples(st.integers(5, 30), st.integers(0, 60)), max_size=12)
"""Pauses before and lengths of reservations, in minutes."""


@given(
    spans=spans_in_order,
    begins=st.integers(-300, 300),
    duration=st.integers(0, 120),
    after=st.integers(0, 600),
    at_once=st.integers(0, 12),
    shuffled=st.randoms(use_true_random=False),
)
def test_earliest_start_is_that_of_brute_force(
    spans: list[tuple[int, int]], begins: int, duration: int, after: int, at_once: int, shuffled: object
) -> None:
    reservations, at = [], begins
    for number, (pause, length) in enumerate(spans, 1):
        at += pause
        reservations.append(reservation(number, NOW + minutes(at), NOW + minutes(at + length)))
        at += length
    queue = Queue()
    mixed = list(reservations)
    shuffled.shuffle(mixed)  # type: ignore[attr-defined]
    queue.add_all(mixed[:at_once])
    queue.add_all(mixed[at_once:])
    now = NOW + minutes(after)
    assert queue.earliest_start(now + minutes(5), minutes(duration)) == earliest_start(
        reservations, now, minutes(duration)
    )


class Bookings(RuleBasedStateMachine):
    """Booking, cancelling and finishing in any order, as the handlers do it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = NOW
        self.queue = Queue()
        self.booked: dict[int, tuple[datetime, datetime]] = {}
        self.number = 0

    def reservations(self) -> list:  # type: ignore[type-arg]
        return [reservation(number, *span) for number, span in self.booked.items()]

    @rule(seconds=st.integers(0, 7200))
    def book(self, seconds: int) -> None:
        duration = timedelta(seconds=seconds)
        start = self.queue.earliest_start(self.now + minutes(5), duration)
        assert start == earliest_start(self.reservations(), self.now, duration)
        assert start >= self.now + minutes(5)
        assert fits(self.reservations(), start, duration)
        self.number += 1
        self.booked[self.number] = (start, start + duration)
        self.queue.add(reservation(self.number, start, start + duration))

    @precondition(lambda self: self.booked)
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.booked)))
        self.queue.remove(reservation(number, *self.booked.pop(number)))

    @rule()
    def fill_again(self) -> None:
        """As after a restart."""
        self.queue = Queue()
        self.queue.add_all(self.reservations())

    @rule(passed=st.integers(0, 180))
    def time_passes(self, passed: int) -> None:
        self.now += minutes(passed)
        for number, (start, finish) in list(self.booked.items()):
            if finish <= self.now:
                self.queue.remove(reservation(number, start, finish))
                del self.booked[number]

    @invariant()
    def is_in_order(self) -> None:
        assert list(self.queue) == sorted(self.reservations(), key=lambda each: each.start)
        assert self.queue.free_from == max((finish for _, finish in self.booked.values()), default=None)


TestBookings = Bookings.TestCase


@given(
    spans=st.lists(st.tuples(st.integers(5, 60), st.integers(1, 90)), min_size=1, max_size=8), data=st.data()
)
def test_a_reservation_that_gives_its_time_up_is_not_in_its_own_way(
    spans: list[tuple[int, int]], data: st.DataObject
) -> None:
    queue, booked, moment = Queue(), [], NOW
    for number, (pause, lasting) in enumerate(spans, 1):
        start = moment + minutes(pause)
        moment = start + minutes(lasting)
        booked.append(reservation(number, start, moment))
        queue.add(booked[-1])
    leaving = data.draw(st.sampled_from(booked))
    opens, duration = NOW + minutes(data.draw(st.integers(5, 300))), minutes(data.draw(st.integers(1, 120)))
    others = [each for each in booked if each is not leaving]
    assert queue.earliest_start_without(leaving, opens, duration) == earliest_start(
        others, opens - minutes(5), duration
    )
    assert list(queue) == booked
