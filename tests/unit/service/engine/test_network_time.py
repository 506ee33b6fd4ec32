"""The network's time: what a wall clock that jumps can do, and what it cannot."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_service.service.engine.network_time import NetworkTime, Reading
from tests.unit.service.engine.bench import NOON, Bench

YEAR = timedelta(days=365)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


class Machine:
    """A machine whose wall clock can be off, and a network that lives by it."""

    def __init__(self) -> None:
        self.off = timedelta(0)
        self.passed = timedelta(0)
        self.time = NetworkTime(self.reading())
        self.bench = Bench()

    def reading(self) -> Reading:
        return Reading(NOON + self.passed + self.off, self.passed + timedelta(days=3))

    def now(self) -> datetime:
        return self.time.at(self.reading())

    def run(self, duration: timedelta, step: timedelta = SECOND) -> None:
        """Lets time pass, in the steps in which the service looks at its clocks."""
        end = self.passed + duration
        while self.passed < end:
            self.passed = min(self.passed + step, end)
            self.bench.now = self.now()
            self.bench.turn()

    def jump(self, by: timedelta) -> None:
        """Sets the wall clock."""
        self.off += by
        self.bench.now = self.now()
        self.bench.turn()

    def ask(self, client: str, action: str, **values: Any) -> Any:
        self.bench.now = self.now()
        return self.bench.ask(client, action, **values)

    def book(self, vehicle: str, **values: Any) -> Any:
        self.bench.now = self.now()
        return self.bench.book(vehicle, **values)


@pytest.fixture
def machine() -> Machine:
    machine = Machine()
    machine.bench.station("ana", points=9)
    return machine


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]


def start(booked: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(booked["startDateTime"])


@pytest.mark.parametrize("seconds", [2, 59])
def test_a_clock_a_year_ahead_for_a_moment_finishes_nothing(
    machine: Machine, seconds: int, caplog: pytest.LogCaptureFixture
) -> None:
    booked = machine.book("bob")

    machine.jump(YEAR)
    machine.run(timedelta(seconds=seconds))
    assert machine.ask("bob", "findReservation") == booked
    machine.jump(-YEAR)
    machine.run(5 * MINUTE)

    assert machine.ask("bob", "findReservation") == booked
    said = warnings(caplog)
    assert len(said) == 2
    assert "+31,536,000 s" in said[0]
    assert "right again" in said[1]
    machine.run(timedelta(hours=1))
    assert machine.ask("bob", "findReservation") == "NOT_FOUND", "it finishes in its own time"


def test_meanwhile_requests_are_booked_and_expire_by_the_time_that_goes_on(machine: Machine) -> None:
    machine.jump(YEAR)
    machine.run(10 * SECOND)
    soon = (NOON + 20 * SECOND).timestamp() * 1000

    booked = machine.book("bob", expiresAt=soon)
    assert start(booked) == NOON + 10 * SECOND + 5 * MINUTE
    machine.run(15 * SECOND)
    machine.bench.send("eva", "findReservation", expiresAt=soon)
    assert [answer.outcome for answer in machine.bench.turn().answers] == ["expired"]


def test_after_a_minute_of_agreement_the_clock_is_believed(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine.book("bob")

    machine.jump(YEAR)
    machine.run(MINUTE)

    assert machine.ask("bob", "findReservation") == "NOT_FOUND"
    assert start(machine.book("bob")) == NOON + YEAR + MINUTE + 5 * MINUTE
    said = warnings(caplog)
    assert len(said) == 2
    assert "run on for a minute" in said[1]


def test_a_clock_that_jumps_again_has_to_agree_for_another_minute(machine: Machine) -> None:
    booked = machine.book("bob")

    machine.jump(YEAR)
    machine.run(50 * SECOND)
    machine.jump(YEAR)
    machine.run(50 * SECOND)
    assert machine.ask("bob", "findReservation") == booked

    machine.run(10 * SECOND)
    assert machine.ask("bob", "findReservation") == "NOT_FOUND"


def test_a_service_that_was_held_up_compares_what_it_finds(machine: Machine) -> None:
    """Stopped for an hour, it finds both clocks an hour later: nobody has touched them."""
    machine.book("bob")
    machine.run(timedelta(hours=2), step=timedelta(hours=2))
    assert machine.ask("bob", "findReservation") == "NOT_FOUND"


def test_a_clock_that_was_set_back_is_believed_after_a_minute(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    machine.run(timedelta(hours=1))
    machine.jump(-timedelta(hours=1))
    machine.run(30 * SECOND)
    assert machine.now() == NOON + timedelta(hours=1) + 30 * SECOND, "time goes on"
    assert "-3,600 s" in warnings(caplog)[0]

    machine.run(30 * SECOND)

    assert machine.now() == NOON + MINUTE
    assert start(machine.book("bob")) == NOON + MINUTE + 5 * MINUTE


def test_a_year_ahead_for_an_hour_is_not_for_ever(machine: Machine) -> None:
    """What has finished meanwhile stays finished, and the network is usable again."""
    booked = machine.book("bob")
    machine.jump(YEAR)
    machine.run(timedelta(hours=1))
    machine.jump(-YEAR)
    machine.run(MINUTE)

    assert machine.ask("bob", "findReservation") == "NOT_FOUND"
    again = machine.book("bob")
    assert again["reservationID"] > booked["reservationID"]
    assert start(again) == NOON + timedelta(hours=1) + MINUTE + 5 * MINUTE


@pytest.mark.parametrize("seconds", [-5, -0.5, 0.5, 5])
def test_small_corrections_pass_unnoticed(
    machine: Machine, seconds: float, caplog: pytest.LogCaptureFixture
) -> None:
    before = machine.now()
    for _ in range(10):
        machine.jump(timedelta(seconds=seconds))
        assert machine.now() >= before
        machine.run(2 * MINUTE)
        before = machine.now()
    assert not warnings(caplog)
    assert machine.now() == machine.reading().wall


def test_many_small_jumps_in_a_row_are_a_large_one(
    machine: Machine, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(30):
        machine.jump(4 * SECOND)
        machine.run(SECOND)
    assert machine.now() <= NOON + 30 * SECOND + 5 * SECOND
    assert warnings(caplog)


def test_a_clock_that_never_rests_fills_no_log(machine: Machine, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(300):
        machine.jump(YEAR / 365)
        machine.run(SECOND)
    assert machine.now() == NOON + 300 * SECOND
    assert len(warnings(caplog)) == 5, "one a minute"


def test_a_restart_believes_the_clock(machine: Machine) -> None:
    machine.book("bob")
    machine.jump(YEAR)
    machine.time = NetworkTime(machine.reading())
    machine.run(SECOND)
    assert machine.ask("bob", "findReservation") == "NOT_FOUND"


@given(st.lists(st.tuples(st.floats(0, 2), st.timedeltas(-10 * YEAR, 10 * YEAR)), max_size=29))
def test_no_reading_within_a_minute_moves_time_by_more_than_the_tolerance(
    readings: list[tuple[float, timedelta]],
) -> None:
    time, passed, before = NetworkTime(Reading(NOON, timedelta(0))), timedelta(0), NOON
    for step, off in readings:
        passed += timedelta(seconds=step)
        now = time.at(Reading(NOON + passed + off, passed))
        assert before <= now <= NOON + passed + 5 * SECOND
        assert now >= NOON + passed - 5 * SECOND
        before = now
