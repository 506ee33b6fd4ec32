"""A database that does not answer: requests get STORAGE within seconds, and the service goes on by itself."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from time import monotonic

import psycopg
import pytest

from tests.database.engines import Asked, Service, booking, new_station, request, services
from tests.kit.postgres import Postgres
from tests.kit.relay import Relay
from tests.kit.waiting import wait_until

ANSWER_SECONDS = 1
WITHIN_SECONDS = 10
"""Far more than the answer takes, and far less than the database would have one wait."""
PAUSE = timedelta(seconds=2)


@pytest.fixture
def address(postgres: Postgres) -> str:
    made = postgres.new_database()
    with services(made) as (service,):
        new_station(service)
    return made


@contextmanager
def standby_that_is_away(postgres: Postgres) -> Iterator[None]:
    """No commit is confirmed within the block."""
    with psycopg.connect(postgres.address(), autocommit=True) as connection:
        connection.execute("ALTER SYSTEM SET synchronous_standby_names = 'away'")
        connection.execute("SELECT pg_reload_conf()")
        wait_until(
            lambda: connection.execute("SHOW synchronous_standby_names").fetchone() == ("away",), "reloaded"
        )
        try:
            yield
        finally:
            connection.execute("ALTER SYSTEM RESET synchronous_standby_names")
            connection.execute("SELECT pg_reload_conf()")


def test_a_commit_that_waits_for_a_standby(postgres: Postgres, address: str) -> None:
    with services(address, answer_seconds=ANSWER_SECONDS) as (service,):
        service.turn()
        wanted = booking("car")
        with standby_that_is_away(postgres):
            assert_refused_soon(service, wanted)
            service.let_pass(PAUSE)
            assert_refused_soon(service, wanted)
        wait_until(lambda: is_served(service, wanted), "the request was answered")
        assert service.result(request("car", "findReservation"))["reservationID"] == 1


def test_a_point_that_the_commit_of_another_service_holds(postgres: Postgres, address: str) -> None:
    with services(address, 2, answer_seconds=ANSWER_SECONDS) as running:
        for service in running:
            service.turn()
        with standby_that_is_away(postgres):
            for number, service in enumerate(running):
                assert_refused_soon(service, booking(f"car-{number}"))


def test_a_leader_that_is_stopped(address: str) -> None:
    with services(address, 2, answer_seconds=ANSWER_SECONDS) as (leader, other):
        leader.turn()
        other.turn()
        assert leader.engine.leads
        assert not other.engine.leads

        def leads() -> bool:
            other.let_pass(PAUSE)
            other.turn()
            return other.engine.leads

        wait_until(leads, "another service leads")
        wanted = booking("car")
        wait_until(lambda: is_served(leader, wanted), "it is served where it was stopped")


def test_a_connection_that_is_half_open(postgres: Postgres, address: str) -> None:
    with Relay(postgres.port) as relay:
        through_relay = address.replace(f":{postgres.port}/", f":{relay.port}/")
        with services(through_relay, answer_seconds=ANSWER_SECONDS) as (service,):
            service.turn()
            relay.silence()
            wanted = booking("car")
            assert_refused_soon(service, wanted)
            relay.mend()
            wait_until(lambda: is_served(service, wanted), "the request was answered")


def assert_refused_soon(service: Service, wanted: Asked) -> None:
    began = monotonic()
    assert service.code(wanted) == "STORAGE"
    assert monotonic() - began < WITHIN_SECONDS


def is_served(service: Service, wanted: Asked) -> bool:
    service.let_pass(PAUSE)
    return service.code(wanted) == ""
