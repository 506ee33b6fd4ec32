"""The tests of services on a database must be able to fail: a fault is seeded, and a proof must find it."""

from collections.abc import Callable
from typing import Final

import pytest

from cloud_service.database.connection import Database, connect
from tests.database import seeded_faults as seeded
from tests.database.engines import ask_all, booking, new_station, request, services, told
from tests.faults.database_contents import find_problems
from tests.kit.postgres import Postgres
from tests.kit.waiting import wait_until

Fault = Callable[[seeded.Patch], None]
Proof = Callable[[Postgres], None]
ROUNDS: Final = 5
"""In which services have to meet at once for a fault to show."""
TRIES: Final = 4
"""On a busy machine they may not meet for once."""
_ALIVE = "SELECT count(*) FROM instances"
_CONNECTED = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND application_name LIKE 'recharge service%'
"""


def an_answer_holds(postgres: Postgres) -> None:
    """Whatever happens to the service that has given it."""
    with services(postgres.new_database(), 2) as (dying, living):
        new_station(living)
        booked = dying.result(booking("car"))
        dying.die()
        assert living.result(request("car", "findReservation")) == booked


def what_the_dead_owed_is_told(postgres: Postgres) -> None:
    address = postgres.new_database()
    with services(address, 2) as (dying, living), connect(address) as database:
        new_station(living)
        dying.tells = False
        dying.result(booking("car"))
        dying.die()
        wait_until(lambda: (living.turn(), count(database, _ALIVE) == 1)[1], "the dead one was missed")
        wait_until(lambda: (living.turn(), living.engine.waiting_events == 0)[1], "nothing waits any more")
        assert told([living]), "what the dead service owed was never told"


def nobody_waits_in_a_circle(postgres: Postgres) -> None:
    """Each service changes the same points in a batch, at the same time as all others."""
    address = postgres.new_database()
    name = address.rpartition("/")[2]
    postgres.execute(f"ALTER DATABASE {name} SET deadlock_timeout = '20ms'")  # otherwise each takes a second
    with services(address, 4) as running:
        for at in range(20):
            new_station(running[0], 100 * at)
        for number in range(ROUNDS):
            ask_all(
                running,
                [[booking(f"{number}-{lane}-{at}", 100 * at) for at in range(20)] for lane in range(4)],
            )
    with connect(address) as database:
        wait_until(lambda: not count(database, _CONNECTED), "all have reported their deadlocks")
    assert find_problems(address) == []


def points_have_their_gaps(postgres: Postgres) -> None:
    """Beside services that trust their own check alone."""
    address = postgres.new_database()
    with services(address) as (service,):
        with connect(address) as database:
            database.execute("ALTER TABLE reservations DROP CONSTRAINT five_minutes_between_reservations")
        new_station(service)
        service.answers(booking("car-1"), booking("car-2"))
    assert find_problems(address) == []


def count(database: Database, statement: str) -> int:
    row = database.execute(statement.encode()).fetchone()
    assert row is not None
    return int(row[0])


CONTROLS: list[tuple[Fault, Proof, str]] = [
    (seeded.reply_before_commit, an_answer_holds, "NOT_FOUND"),
    (seeded.events_in_memory_only, what_the_dead_owed_is_told, "was never told"),
    (seeded.any_order_of_locks, nobody_waits_in_a_circle, "waited for each other in a circle"),
    (seeded.no_five_minutes, points_have_their_gaps, "within five minutes of each other"),
]


def try_again_and_again(proof: Proof, postgres: Postgres) -> None:
    for _ in range(TRIES):
        proof(postgres)


@pytest.mark.parametrize(
    ("fault", "proof", "match"),
    CONTROLS,
    ids=[f"{fault.__name__}, {proof.__name__}".replace("_", " ") for fault, proof, _ in CONTROLS],
)
def test_a_seeded_fault_is_found(
    fault: Fault, proof: Proof, match: str, monkeypatch: seeded.Patch, postgres: Postgres
) -> None:
    fault(monkeypatch)
    with pytest.raises(AssertionError, match=match):
        try_again_and_again(proof, postgres)


@pytest.mark.parametrize("proof", [proof for _, proof, _ in CONTROLS])
def test_without_it_the_same_proof_holds(proof: Proof, postgres: Postgres) -> None:
    proof(postgres)


def test_in_order_nobody_waits_in_a_circle_however_slowly(
    monkeypatch: seeded.Patch, postgres: Postgres
) -> None:
    seeded.slow_locks(monkeypatch)
    nobody_waits_in_a_circle(postgres)
