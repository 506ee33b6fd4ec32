"""The life of reservations, beside a model that was written independently of the service.

Histories of all actions, presence, clocks from seconds to days, restarts, crashes and a failing disk.
The service and the model give the same answers and tell the same events; no two reservations of a point come
within five minutes; a vehicle has one; each one that has ended is in the history once, with its last state.
"""

from collections.abc import Callable

import pytest

from tests.faults.lives import Lives, WatchfulLives, check_lives
from tests.kit.scale import Scale


@pytest.mark.timeout(6 * 3600)
def test_lives(scale: Scale, figure: Callable[[str], None]) -> None:
    count = scale(share=100, full=10_000)
    check_lives(count)
    figure(f"the life of reservations, beside the model: {count} histories")


@pytest.mark.timeout(3600)
def test_whoever_can_move_up_has_moved_up(scale: Scale, figure: Callable[[str], None]) -> None:
    count = scale(share=60, full=2_000)
    check_lives(count, WatchfulLives)
    figure(f"flexible reservations, none of which could start earlier: {count} histories")


def test_what_moves_in_a_cascade_moves_up_as_far_as_it_can() -> None:
    """Each that moves leaves time to others, also to those that have moved already."""
    life = WatchfulLives()
    life.a_few_stations(
        powers=[[40, 10], [20.0, 150], [10]], flexible=True, tells=False, booked=["a", "e", "b"]
    )
    life.cancel_at_the_charger(client="gateway", pick=9)
    life.cancel_before_the_others(count=2)
    life.until_something_is_due(off=0, which=1)
    life.update_station(client=None, pick=13, x=10)
    life.schedule_many(booked=["f", "b", "e", "7"], kwh=60, wished={"flexible": True}, x=2.5)
    life.cancel_what_was_booked(once_more=True, pick=19)
    life.new_point(availability="livre", client=None, described={}, pick=18, power=10, price=1)
    life.nothing_is_missed()
    life.teardown()


def test_a_sync_that_fails_between_two_moves_of_one_moment() -> None:
    """The time that passes moves a reservation up, and away again: the first move is kept, the other not."""
    life = Lives()
    life.a_few_stations(powers=[[150], [10], [10]], flexible=True, tells=True, booked=["a", "b", "c", "e"])
    life.until_something_is_due(off=0, which=1)
    life.start_charging(client=None, hours=None, pick=0, vehicle=None)
    life.schedule_many(booked=["a"], kwh=5, wished={}, x=1)
    life.break_where_somebody_waits(minutes=15, pick=2, power=10)
    life.new_point(availability="livre", client=None, described={}, pick=0, power=10, price=0)
    life.schedule_for_later(kwh=5, minutes=120, name="a")
    life.break_where_somebody_waits(minutes=-40, pick=0, power=10)
    life.disk_fails(kind="sync")
    life.start_what_was_booked(elsewhere=0, minutes=-5, named=False, pick=0)
    life.teardown()
