"""What takes the database too long is the fault of one request, or of one point: the others go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from psycopg import sql

from cloud_service.database.connection import connect
from cloud_service.database.errors import Conflict, GivenUp, TookTooLong, failures
from tests.database.engines import Asked, Service, booking, column, new_station, request, services
from tests.kit.postgres import Postgres
from tests.kit.waiting import wait_until

STATIONS = 5
ANSWER_SECONDS = 0.5
A_FINISH = timedelta(hours=2)
"""Long enough for a reservation to be over."""
PAUSE = timedelta(seconds=2)
"""Longer than a service leaves a database alone that has failed."""


@pytest.fixture
def address(postgres: Postgres) -> str:
    """A car has booked at each station."""
    made = postgres.new_database()
    with services(made) as (service,):
        for number in range(1, STATIONS + 1):
            new_station(service, number)
            service.result(booking(f"car{number}", number))
    return made


@contextmanager
def slow_first_station(address: str, seconds: float) -> Iterator[None]:
    """The end of a reservation at the first station takes so long, within the block."""
    with connect(address) as database:
        database.execute(
            sql.SQL(
                "CREATE FUNCTION take_long() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN PERFORM pg_sleep({}); RETURN NEW; END $$;"
                "CREATE TRIGGER takes_long BEFORE INSERT ON history"
                " FOR EACH ROW WHEN (NEW.station_id = 1) EXECUTE FUNCTION take_long()"
            ).format(seconds)
        )
        yield
        database.execute("DROP TRIGGER takes_long ON history")


def cancel_all(service: Service, *, again: list[Asked] | None = None) -> tuple[list[Asked], list[Any]]:
    """The requests, and the code of each error."""
    cancels = again or [
        request(f"car{number}", "deleteReservation", reservationID=1) for number in range(1, STATIONS + 1)
    ]
    service.let_pass(PAUSE)
    answers = service.answers(*cancels)
    return cancels, [None if answer["ok"] else answer["error"]["code"] for answer in answers]


def test_a_request_that_takes_long_gets_more_time(address: str) -> None:
    with services(address, answer_seconds=ANSWER_SECONDS) as (service,), slow_first_station(address, 0.7):
        asked, codes = cancel_all(service)
        assert set(codes) == {"STORAGE"}
        opened = service.trouble.opened
        _, codes = cancel_all(service, again=asked)
        assert codes == [None] * STATIONS
        assert service.trouble.opened == opened, "a new connection, without need"


def test_a_request_that_takes_too_long_is_the_only_one_that_is_refused(address: str) -> None:
    with services(address, answer_seconds=ANSWER_SECONDS) as (service,), slow_first_station(address, 60):
        asked, _ = cancel_all(service)
        cancel_all(service, again=asked)
        _, codes = cancel_all(service, again=asked)
        assert codes == ["STORAGE", *[None] * (STATIONS - 1)]


def test_time_passes_where_it_can(address: str) -> None:
    with services(address, answer_seconds=ANSWER_SECONDS) as (service,), connect(address) as database:

        def left_after(passed: timedelta) -> list[str]:
            service.let_pass(passed)
            service.turn()
            return column(database, "SELECT vehicle FROM reservations ORDER BY 1")

        with slow_first_station(address, 60):
            wait_until(lambda: left_after(A_FINISH) == ["car1"], "all others are over")
            assert service.result(booking("next", 5))["chargingStationID"] == 5
        wait_until(lambda: left_after(2 * A_FINISH) == [], "that of the first station is over too")


def test_a_point_where_something_takes_long_gets_more_time(address: str) -> None:
    with services(address, answer_seconds=ANSWER_SECONDS) as (service,), connect(address) as database:

        def is_over() -> bool:
            service.let_pass(A_FINISH)
            service.turn()
            return not column(database, "SELECT vehicle FROM reservations")

        with slow_first_station(address, 0.7):
            wait_until(is_over, "all are over")


def test_a_wait_for_the_lock_of_another_service_is_nobodys_fault(address: str) -> None:
    with connect(address) as other, connect(address, answer_seconds=ANSWER_SECONDS) as database:
        other.execute("BEGIN")
        other.execute("SELECT FROM points FOR UPDATE")
        with pytest.raises(GivenUp) as raised, failures():
            database.execute("SELECT FROM points FOR UPDATE")
        assert not isinstance(raised.value, TookTooLong)
        with pytest.raises(Conflict), failures():
            database.execute("SELECT FROM points FOR UPDATE NOWAIT")
