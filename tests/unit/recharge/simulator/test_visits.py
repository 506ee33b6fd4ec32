"""When vehicles are at points."""

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from recharge.records import Reservation
from recharge.simulator.network_clock import NetworkClock
from recharge.simulator.visits import (
    Visit,
    made_up,
    next_change,
    plan_visit,
    present,
    price_of,
    reserved_energy,
)

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def reservation(point: int = 1, start: int = 10, minutes: int = 60) -> Reservation:
    begin = NOW + timedelta(minutes=start)
    end = begin + timedelta(minutes=minutes)
    return Reservation(1, 3, point, 22, 0.9, "ana", begin, end, minutes / 60, 10.0)


def test_in_real_time_a_visit_is_the_reservation() -> None:
    booked = reservation()
    expected = plan_visit(booked, NOW, 1)
    assert (expected.begins, expected.ends) == (booked.start, booked.finish)


def test_a_time_scale_shortens_every_wait() -> None:
    expected = plan_visit(reservation(start=10, minutes=60), NOW, 60)
    assert expected.begins == NOW + timedelta(seconds=10)
    assert expected.ends == NOW + timedelta(seconds=70)


def test_a_vehicle_is_present_from_the_start_until_before_the_finish() -> None:
    visits = [plan_visit(reservation(1, 10, 60), NOW, 1), plan_visit(reservation(2, 30, 10), NOW, 1)]

    def at(minutes: int) -> set[int]:
        return set(present(visits, NOW + timedelta(minutes=minutes)))

    assert [at(minutes) for minutes in (9, 10, 30, 40, 69, 70)] == [set(), {1}, {1, 2}, {1}, {1}, set()]


def test_a_fast_clock_of_the_service_accounts_for_the_time_scale() -> None:
    """It has run sixty times as fast for an hour, so it is 59 hours ahead."""
    clock = NetworkClock(60, NOW - timedelta(hours=1))
    assert clock.at(NOW) == NOW + timedelta(hours=59)
    assert clock.when(clock.at(NOW)) == NOW
    hour = timedelta(hours=1)
    booked = replace(reservation(), start=clock.at(NOW) + hour, finish=clock.at(NOW) + 2 * hour)
    visit = plan_visit(booked, NOW, 60, clock)
    assert (visit.begins - NOW, visit.ends - NOW) == (timedelta(minutes=1), timedelta(minutes=2))
    faster = plan_visit(booked, NOW, 120, clock)
    assert (faster.begins - NOW, faster.ends - NOW) == (timedelta(seconds=30), timedelta(minutes=1))


def test_the_next_change_is_the_next_arrival_or_departure() -> None:
    visits = [plan_visit(reservation(1, 10, 60), NOW, 1), plan_visit(reservation(2, 30, 10), NOW, 1)]
    moments = [NOW]
    while (change := next_change(visits, moments[-1])) is not None:
        moments.append(change)
    assert [(moment - NOW) // timedelta(minutes=1) for moment in moments] == [0, 10, 30, 40, 70]
    assert next_change([], NOW) is None


def test_a_share_is_that_of_the_time_at_the_point() -> None:
    visit = Visit((1, 1, 1), "ana", NOW, NOW + timedelta(hours=2), 50)
    hour = timedelta(hours=1)
    assert visit.share(NOW - hour, NOW - hour) == 0
    assert visit.share(NOW - hour, NOW + hour) == 0.5
    assert visit.share(NOW - hour, NOW + 3 * hour) == 1
    assert visit.share(NOW + hour, NOW + 3 * hour) == 0.5
    assert visit.share(NOW + 3 * hour, NOW + 4 * hour) == 0


def test_a_late_vehicle_stays_longer_by_at_most_the_margin() -> None:
    visit = Visit((1, 1, 1), "ana", NOW, NOW + timedelta(hours=1), 50)
    for late, longer in ((-1, 0), (0, 0), (3, 3), (5, 5), (8, 5)):
        moved = made_up(visit, NOW + timedelta(minutes=late), 1)
        assert moved.begins == visit.begins + timedelta(minutes=longer)
        assert moved.ends == visit.ends + timedelta(minutes=longer)


def test_the_price_of_the_reserved_energy_is_the_promised_one() -> None:
    booked = reservation()
    assert price_of(booked, reserved_energy(booked)) == booked.price
    assert price_of(booked, reserved_energy(booked) + 1) == booked.price
    assert price_of(booked, reserved_energy(booked) / 2) == booked.price / 2
