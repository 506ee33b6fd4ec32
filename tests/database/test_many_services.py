"""Several services on one database: they decide as one would."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest

from cloud_service.core.changes import Changes
from cloud_service.core.records import Point
from cloud_service.database.connection import connect
from cloud_service.database.peers import TURNS
from cloud_service.service.database_engine.turn import Turn
from tests.database.engines import Service, ask_all, booking, column, new_station, request, services, told
from tests.kit.postgres import Postgres
from tests.kit.scale import Scale
from tests.kit.waiting import wait_until

SERVICES = 4
LOCKS_POINTS = "ORDER BY station_id, point_id FOR UPDATE"
WAITING = "SELECT true FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'"
HELD_TURNS = f"""
    SELECT objid FROM pg_locks JOIN pg_database ON oid = database AND datname = current_database()
    WHERE locktype = 'advisory' AND classid = {TURNS} AND granted ORDER BY objid
"""
"""The stations where it is some service's turn."""


@pytest.mark.timeout(3600)
def test_a_crowd_at_one_point(postgres: Postgres, scale: Scale, figure: Callable[[str], None]) -> None:
    """200 vehicles at one point through four services: one after the other, five minutes between them."""
    rounds = scale(share=3, full=500)
    with services(postgres.new_database(), SERVICES) as running:
        for number in range(rounds):
            station = new_station(running[0], 100 * number)
            crowd = [[booking(f"{number}-{lane}-{n}", 100 * number) for n in range(50)] for lane in range(4)]
            answers = [each for lane in ask_all(running, crowd) for each in lane]
            assert all(answer["ok"] for answer in answers), "somebody was refused"
            booked = [answer["result"] for answer in answers]
            assert {each["chargingStationID"] for each in booked} == {station}
            times = sorted((moment(each, "startDateTime"), moment(each, "finishDateTime")) for each in booked)
            gaps = {after[0] - before[1] for before, after in pairwise(times)}
            assert gaps == {timedelta(minutes=5)}
            assert len({each["reservationID"] for each in booked}) == 200
    figure(f"200 vehicles at one point through {SERVICES} services: {rounds} rounds")


def test_a_request_that_all_services_get_takes_effect_once(postgres: Postgres) -> None:
    with services(postgres.new_database(), SERVICES) as running:
        new_station(running[0])
        same = [[booking(f"car{n}", request_id=f"the same {n}") for n in range(20)] for _ in running]
        answers = ask_all(running, same)
        assert all(lane == answers[0] for lane in answers)
        assert len({answer["result"]["reservationID"] for answer in answers[0]}) == 20
        assert sum(message.topic.endswith("/reservationScheduled") for message in told(running)) == 40


def test_a_vehicle_that_asks_two_services_has_one_reservation(postgres: Postgres) -> None:
    with services(postgres.new_database(), SERVICES) as running:
        new_station(running[0])
        answers = ask_all(running, [[booking(f"car{n}") for n in range(20)] for _ in running])
        for n in range(20):
            (first, *others) = (lane[n]["result"] for lane in answers)
            assert all(other == first for other in others)


def test_stations_registered_at_once_get_different_ids(postgres: Postgres) -> None:
    with services(postgres.new_database(), SERVICES) as running:
        places = [
            [
                request("owner", "newChargingStation", x_position=10 * n + lane, y_position=0)
                for n in range(10)
            ]
            for lane, _ in enumerate(running)
        ]
        found = [answer["result"] for lane in ask_all(running, places) for answer in lane]
        assert sorted(found) == list(range(1, 41))


def test_a_turn_says_whether_another_service_was_there(postgres: Postgres) -> None:
    address = postgres.new_database()
    with services(address, 2) as (one, other), ThreadPoolExecutor(1) as pool:
        for service in (one, other):
            service.turn()

        def wait() -> list[int]:
            with other.state.turn_at([3, 5]) as crowded:
                return crowded

        with one.state.turn_at([5]) as crowded:
            assert crowded == []
            waiting = pool.submit(wait)
            with connect(address) as database:
                wait_until(lambda: column(database, WAITING) == [True], "the other one waits")
        assert waiting.result() == [5]
        assert wait() == []


def test_a_turn_that_does_not_come(postgres: Postgres) -> None:
    """The service goes on without one."""
    with services(postgres.new_database(), 2, answer_seconds=0.5) as (one, other):
        for service in (one, other):
            service.turn()
        with one.state.turn_at([5]), other.state.turn_at([3, 5]) as crowded:
            assert 5 in crowded
        with one.state.turn_at([3, 5]) as crowded:
            assert crowded == []


def test_a_booking_is_made_at_the_time_of_its_turn(postgres: Postgres) -> None:
    """A wait for other services may take seconds, and a charge starts five minutes after the booking."""
    address = postgres.new_database()
    with services(address, 2) as (one, other), ThreadPoolExecutor(1) as pool, connect(address) as database:
        station = new_station(one)
        one.turn()
        begun = one.now
        take_turns(one, other)
        with other.state.turn_at([station]):
            waiting = pool.submit(one.result, booking("waits", 9, need=0.1))
            wait_until(lambda: column(database, WAITING) == [True], "it waits")
            one.let_pass(timedelta(hours=5))
        assert moment(waiting.result(), "startDateTime") - begun > timedelta(hours=5)


def test_what_arrives_while_a_service_waits_for_its_turn_is_decided_in_it(postgres: Postgres) -> None:
    """Its turn lasts from before they are taken in until all of them are decided, and no longer."""
    address = postgres.new_database()
    with services(address, 2) as (one, other), ThreadPoolExecutor(1) as pool, connect(address) as database:
        station = new_station(one)
        take_turns(one, other)
        one.send(booking("waits"))

        def collect() -> None:
            assert column(database, HELD_TURNS) == [station]
            one.send(booking("arrives"))

        with other.state.turn_at([station]):
            working = pool.submit(one.engine.work, one.now, None, collect)
            wait_until(lambda: column(database, WAITING) == [True], "it waits")
        answers = working.result().answers

        assert [answer.outcome for answer in answers] == ["ok", "ok"]
        assert column(database, HELD_TURNS) == []


def test_nothing_is_collected_where_nobody_is_in_the_way(postgres: Postgres) -> None:
    """A batch would never be complete, if what arrives while it is decided had to be in it."""
    collected: list[None] = []
    with services(postgres.new_database(), 2) as (one, other):
        new_station(one)
        for before in (lambda *_: None, take_turns):
            before(one, other)
            one.send(booking("alone"))
            assert len(one.engine.work(one.now, None, lambda: collected.append(None)).answers) == 1
        assert not collected


def test_a_turn_ends_though_none_of_its_requests_is_decided(postgres: Postgres) -> None:
    """They have expired while the service waited."""
    address = postgres.new_database()
    held: list[Any] = []
    with services(address, 2) as (one, other), ThreadPoolExecutor(1) as pool, connect(address) as database:
        station = new_station(one)
        take_turns(one, other)
        expires = int((one.now + timedelta(hours=1)).timestamp() * 1e3)
        one.send(request("car", "scheduleReservation", expiresAt=expires))
        with other.state.turn_at([station]):
            late = one.now + timedelta(hours=2)
            working = pool.submit(
                one.engine.work, one.now, late, lambda: held.extend(column(database, HELD_TURNS))
            )
            wait_until(lambda: column(database, WAITING) == [True], "it waits")
        assert [answer.reply for answer in working.result().answers] == [None]
        assert held == [station]
        assert column(database, HELD_TURNS) == []


def test_turns_at_more_stations_are_all_taken_in_one_order(postgres: Postgres) -> None:
    """Who kept one while it waited for an earlier one could wait for somebody who does the reverse."""
    address = postgres.new_database()
    with services(address, 2) as (one, other), ThreadPoolExecutor(1) as pool, connect(address) as database:
        first, second = new_station(one), new_station(one, 100)
        turn, now = Turn(one.state), one.now
        for station in (second, second, first):
            turn.late([changed(station)], now)
        assert not turn.wait(now)
        assert column(database, HELD_TURNS) == [second]
        turn.late([changed(first)], now)
        with other.state.turn_at([first]):
            waiting = pool.submit(turn.wait, now)
            wait_until(lambda: column(database, WAITING) == [True], "it waits")
            assert column(database, HELD_TURNS) == [first]  # that of the other one
        assert waiting.result()
        assert column(database, HELD_TURNS) == [first, second]
        turn.end()
        assert column(database, HELD_TURNS) == []


def changed(station: int) -> Changes:
    """A change of a point."""
    return Changes(points=(Point(1, station, 22, 0.5, "livre"),))


def take_turns(one: Service, other: Service) -> None:
    """Has a service be late twice, so that it takes turns."""
    for number in (1, 2):
        earlier = booking(f"earlier-{number}")
        one.trouble.before(LOCKS_POINTS, lambda asked=earlier: other.result(asked), number)
    one.result(booking("late", need=0.1))
    assert not one.trouble.planned


def test_a_service_that_was_late_does_not_fill_the_log(
    postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    with services(postgres.new_database(), 2) as (one, other):
        new_station(one)
        one.turn()
        one.trouble.before(LOCKS_POINTS, lambda: other.result(booking("first")))
        caplog.clear()
        assert one.result(booking("second"))
        assert not one.trouble.planned
        assert caplog.messages == []


def test_what_several_have_changed_at_once_is_told_once_more(
    postgres: Postgres, caplog: pytest.LogCaptureFixture
) -> None:
    with services(postgres.new_database(), 2) as (one, other):
        station = new_station(one)
        other.result(booking("car"))
        wait_until(
            lambda: (one.turn(), other.turn(), one.told_again + other.told_again)[2], "it was told again"
        )
        again = [changes for service in (one, other) for changes in service.told_again]
        assert station in {number for changes in again for number in changes.removed_stations}
    assert "requests get STORAGE" not in caplog.text


def test_a_deleted_station_is_told_once_more(postgres: Postgres) -> None:
    """A service that has not seen the deletion may have published the state of before."""
    address = postgres.new_database()
    with services(address, 2) as (one, other), connect(address) as database:
        station = new_station(one, points=2)
        one.turn()
        other.turn()
        database.execute("DELETE FROM contended")
        other.result(request("owner", "deleteChargingStation", chargingStationID=station))

        def told_again() -> list[Changes]:
            one.turn()
            other.turn()
            return one.told_again + other.told_again

        again = wait_until(told_again, "it was told again")
        assert station in {number for changes in again for number in changes.removed_stations}
        assert {(station, 1), (station, 2)} <= {key for changes in again for key in changes.removed_points}


def test_what_a_dead_service_owed_is_told_by_another(postgres: Postgres) -> None:
    with services(postgres.new_database(), 2) as (dying, living):
        new_station(living)
        dying.tells = False
        booked = dying.result(booking("car"))
        dying.die()
        wait_until(lambda: (living.turn(), told([living]))[1], "the event was told")
        assert {message.topic.split("/")[3] for message in told([living])} == {"car", "owner"}
        assert living.result(request("car", "findReservation")) == booked


def test_events_of_a_vehicle_come_in_order_whoever_tells_them(postgres: Postgres) -> None:
    with services(postgres.new_database(), 2) as (slow, fast):
        new_station(slow)
        slow.tells = False
        booked = slow.result(booking("car"))
        fast.result(request("car", "deleteReservation", reservationID=booked["reservationID"]))
        for _ in range(5):
            fast.turn()
        assert told([fast]) == [], "told before what came first"
        slow.tells = True
        slow.turn()
        slow.turn()
        wait_until(lambda: (fast.turn(), told([fast]))[1], "the second event was told")


def test_services_do_not_wait_for_each_other_in_a_circle(postgres: Postgres) -> None:
    """Each has an older event to tell of a vehicle of which the other has a newer one."""
    with services(postgres.new_database(), 2) as (one, other):
        new_station(one)
        one.tells = other.tells = False
        for first, second, vehicle in ((one, other, "car1"), (other, one, "car2")):
            booked = first.result(booking(vehicle))
            second.result(request(vehicle, "deleteReservation", reservationID=booked["reservationID"]))
        one.tells = other.tells = True
        wait_until(
            lambda: (one.turn(), other.turn(), len(told([one, other])) == 8)[2], "all events were told"
        )


def moment(record: dict[str, Any], key: str) -> datetime:
    return datetime.fromisoformat(record[key])
