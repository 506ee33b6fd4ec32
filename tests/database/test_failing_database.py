"""Whatever fails between a service and its database: no answer is wrong, none is missing, nothing is lost."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from psycopg import errors

from cloud_service.database.connection import connect
from cloud_service.database.migrations import WrongSchema
from cloud_service.database.state import DatabaseState
from cloud_service.service.engine.limits import EngineLimits
from tests.database.engines import Asked, booking, column, new_station, request, services, told
from tests.database.trouble import Trouble, fails
from tests.kit.postgres import Postgres
from tests.kit.waiting import wait_until

MOST_STATEMENTS = 60
PARTITIONS = """
    SELECT relname FROM pg_class JOIN pg_inherits ON oid = inhrelid
    WHERE inhparent = 'requests'::regclass ORDER BY relname
"""
PAUSE = timedelta(seconds=2)
"""Longer than a service leaves a database alone that has failed."""

Plan = Callable[[Trouble, int], None]


def fail_before(trouble: Trouble, nth: int) -> None:
    trouble.before("", fails(), nth)


def fail_after(trouble: Trouble, nth: int) -> None:
    trouble.after("", fails(), nth)


@pytest.fixture(scope="module")
def address(postgres: Postgres) -> str:
    """A database with two stations of the owner."""
    made = postgres.new_database()
    with services(made) as (service,):
        for at in (1, 2):
            new_station(service, at)
    return made


@pytest.mark.parametrize("plan", [fail_before, fail_after])
@pytest.mark.parametrize(
    "asked",
    [
        lambda nth: booking(f"car-{nth}", 1),
        lambda nth: request("owner", "newChargingStation", x_position=100 + nth, y_position=0),
        lambda nth: request("administrator", "countStations", owner="owner"),
        lambda nth: request(f"nobody-{nth}", "findReservation"),
    ],
    ids=["a booking", "a new station", "a count", "a search for nothing"],
)
def test_any_statement(postgres: Postgres, plan: Plan, asked: Callable[[int], Asked]) -> None:
    """The first, the second and so on, until there are no more: STORAGE, and the same request helps later."""
    with services(postgres.new_database()) as (service,):
        new_station(service, 1)
        for nth in range(1, MOST_STATEMENTS):
            wanted = asked(nth)
            plan(service.trouble, nth)
            (first,) = service.answers(wanted)
            if service.trouble.planned:
                break
            service.trouble.end()
            service.let_pass(PAUSE)
            service.turn()
            (again,) = service.answers(wanted)
            assert again["ok"] or again["error"]["code"] == "NOT_FOUND", again
            assert first == again or first["error"]["code"] == "STORAGE"  # or it failed after the answer
        else:
            raise AssertionError(f"more than {MOST_STATEMENTS} statements")
        assert nth >= 5


def test_events_of_a_commit_that_was_not_confirmed(address: str) -> None:
    """The service lives on, and its new connection tells what the old one had committed."""
    with services(address) as (service,):
        service.trouble.after("COMMIT", fails(), 2)  # the first one looked for what is due
        assert service.code(booking("unconfirmed", 1)) == "STORAGE"
        service.let_pass(PAUSE)
        wait_until(lambda: (service.turn(), told([service]))[1], "the events were told")
        assert {message.topic.split("/")[3] for message in told([service])} == {"unconfirmed", "owner"}


def test_a_database_that_takes_no_writes_any_more_is_left(address: str) -> None:
    """An old primary may still answer after a failover; only another connection finds the new one."""
    with services(address) as (service,):
        service.turn()
        opened = service.trouble.opened
        service.trouble.before("INSERT INTO reservations", fails(errors.ReadOnlySqlTransaction))
        wanted = booking("read-only", 1)
        assert service.code(wanted) == "STORAGE"
        service.let_pass(PAUSE)
        assert service.result(wanted)["chargingStationID"] == 1
        assert service.trouble.opened == opened + 1


def test_rooms_of_the_coming_days_that_cannot_be_made_now(address: str) -> None:
    """A backup that reads a table may keep the service from making partitions, but from nothing else."""
    with services(address) as (service,):
        service.turn()
        service.let_pass(timedelta(hours=2))
        for words in ("make_partitions(%s, 2)", "drop_partitions"):
            service.trouble.before(words, fails(errors.LockNotAvailable))
        assert service.result(booking("hindered", 1))
        assert service.trouble.planned == 0


def test_a_service_that_starts_at_midnight_while_a_backup_reads(postgres: Postgres) -> None:
    """The partition of the day is there already: only those of later days have to wait."""
    address = postgres.new_database()
    with services(address) as (service,), connect(address) as backup:
        tomorrow = (service.now + timedelta(days=1)).replace(hour=12)
        service.turn()
        starting = DatabaseState(address)
        with backup.transaction():
            backup.execute("LOCK TABLE requests, history IN ACCESS SHARE MODE")
            starting.make_room(tomorrow, timedelta(), 0)
            before = column(backup, PARTITIONS)
        starting.make_room(tomorrow + timedelta(hours=1), timedelta(), 0)
        starting.close()
        after = column(backup, PARTITIONS)
        assert (len(before), len(after)) == (3, 3)
        assert before[1:] == after[:-1]


def test_the_first_rooms_that_cannot_be_made(address: str) -> None:
    with services(address) as (service,):
        service.trouble.before("make_partitions", fails(errors.LockNotAvailable))
        wanted = booking("early", 1)
        assert service.code(wanted) == "STORAGE"
        service.let_pass(PAUSE)
        assert service.result(wanted)


@pytest.mark.parametrize("connects_again", [True, False])
def test_a_schema_that_was_upgraded_meanwhile(postgres: Postgres, connects_again: bool) -> None:
    """An older service must not go on: it knows less of the network than it would write."""
    address = postgres.new_database()
    with services(address) as (service,), connect(address) as database:
        service.turn()
        database.execute("INSERT INTO migrations (version, name) VALUES (9999, 'of later')")
        if connects_again:
            service.trouble.before("BEGIN", fails())
            service.turn()
            service.let_pass(PAUSE)
        else:
            service.turn()
            service.let_pass(timedelta(hours=2))
        with pytest.raises(WrongSchema, match="version 9999"):
            service.turn()


def test_a_service_that_ends_while_the_database_fails(address: str, caplog: pytest.LogCaptureFixture) -> None:
    """It still has its own files to close."""
    with services(address) as (service,):
        service.turn()
        service.trouble.before("DELETE FROM instances", fails())
        service.close()
        assert service.trouble.planned == 0
    assert "take this one for dead" in caplog.text


def test_a_request_that_expires_while_others_are_first(address: str) -> None:
    """It gets no reply, so nothing may be changed."""
    with services(address) as (service,):

        def take_long() -> None:
            service.let_pass(timedelta(seconds=30))
            raise errors.SerializationFailure("as the test wants it")

        service.turn()
        service.trouble.before("INSERT INTO reservations", take_long)
        expires = round(1000 * service.now.timestamp()) + 10_000
        service.send(request("late", "scheduleReservation", **booking("late", 1).values, expiresAt=expires))
        (answer,) = service.turn()
        assert answer.outcome == "expired"
        assert answer.reply is None
        assert service.trouble.planned == 0
        assert service.code(request("late", "findReservation")) == "NOT_FOUND"


def test_requests_for_which_there_is_no_room_while_the_database_is_away(address: str) -> None:
    """To know whether one of them was answered before, the database would be needed: it is not tried."""
    with services(address, limits=EngineLimits(pending_in_all=1)) as (service,):
        service.turn()
        service.trouble.before("BEGIN", fails())
        assert service.code(booking("waits", 1)) == "STORAGE"
        statements = len(service.trouble.statements)
        found = service.answers(booking("takes-the-room", 1), booking("finds-none", 1))
        assert [answer["error"]["code"] for answer in found] == ["STORAGE", "STORAGE"]
        assert len(service.trouble.statements) == statements


def test_a_service_that_cannot_join_the_others(address: str) -> None:
    """A connection that nobody knows of would have its events forgotten: it is not used."""
    with services(address) as (service,):
        service.turn()
        for words in ("pg_advisory_lock(", "INSERT INTO instances"):
            service.trouble.before("BEGIN", fails())
            service.trouble.before(words, fails())
            wanted = booking(f"joins{len(words)}", 1)
            assert service.code(wanted) == "STORAGE"
            service.let_pass(PAUSE)
            assert service.code(wanted) == "STORAGE"
            assert service.trouble.planned == 0
            service.let_pass(PAUSE)
            assert service.result(wanted)


@pytest.mark.parametrize("words", ["UPDATE events", "DELETE FROM instances"])
def test_a_burial_that_fails(address: str, words: str) -> None:
    """What the dead service owed is told by the next attempt."""
    vehicle = f"buried-{len(words)}"
    with services(address, 2) as (dying, living):
        living.turn()
        dying.tells = False
        assert dying.result(booking(vehicle, 1))
        dying.die()
        living.trouble.before(words, fails())

        def is_told() -> bool:
            living.let_pass(PAUSE)
            living.turn()
            return any(f"/{vehicle}/" in message.topic for message in living.told)

        wait_until(is_told, "the event was told")
        assert living.trouble.planned == 0


def test_a_service_of_whom_nobody_knows(address: str) -> None:
    """Its row was deleted, as by a service that took it for dead. What it owes is told all the same."""
    with services(address, 2) as (dying, living):
        living.turn()
        dying.tells = False
        assert dying.result(booking("unknown", 1))
        with connect(address) as database:
            database.execute("DELETE FROM instances")
        dying.die()

        def is_told() -> bool:
            living.let_pass(PAUSE)
            living.turn()
            return any("/unknown/" in message.topic for message in living.told)

        wait_until(is_told, "the event was told")


def test_a_service_that_ends_while_an_event_waits_for_another_service(address: str) -> None:
    """It must not leave as if it owed nothing."""
    with services(address, 3) as (slow, ending, living):
        living.turn()
        slow.tells = False
        booked = slow.result(booking("waiting", 1))
        cancelled = request("waiting", "deleteReservation", reservationID=booked["reservationID"])
        assert ending.result(cancelled) is not None
        assert told([ending]) == []
        ending.close()
        slow.tells = True
        slow.turn()

        def is_told() -> bool:
            living.let_pass(PAUSE)
            living.turn()
            return any(message.topic.endswith("/reservationCancelled") for message in living.told)

        wait_until(is_told, "the event was told")
