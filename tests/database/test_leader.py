"""What one of the services does for all: it tells again what several told at once, and follows presence."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cloud_service.database.connection import Database, connect
from cloud_service.service.database_engine.leader_work import ASIDE
from cloud_service.service.engine.counts import NetworkCounts
from cloud_service.service.engine.presence_notes import PresenceNotes
from tests.database.engines import Service, booking, new_station, request, services
from tests.database.trouble import fails
from tests.kit.postgres import Postgres
from tests.kit.waiting import wait_until

PAUSE = timedelta(seconds=2)


@pytest.fixture
def address(postgres: Postgres) -> str:
    return postgres.new_database()


def test_a_point_that_two_services_change_at_once(address: str) -> None:
    with services(address, 2) as (leader, other):
        leader.turn()
        station = new_station(other)
        leader.result(booking("a"))
        other.result(booking("b"))
        wait_until(lambda: (station, 1) in points_told_again(leader), "the point is told again")
        assert points_told_again(other) == set()


def test_a_station_that_one_service_deletes_and_another_one_changes(address: str) -> None:
    """The last of the two messages may be the one that says that it is still there."""
    with services(address, 2) as (leader, other):
        leader.turn()
        station = new_station(other)
        other.result(booking("a"))
        leader.result(request("owner", "deleteChargingStation", chargingStationID=station))
        wait_until(lambda: (station, 1) in points_told_again(leader), "the point is told again")
        assert any(station in changes.removed_stations for changes in leader.told_again)


def test_what_is_told_again_is_not_lost_when_the_database_fails(address: str) -> None:
    with services(address, 2) as (leader, other), connect(address) as database:
        leader.turn()
        new_station(other)

        def is_noticed() -> bool:
            leader.let_pass(PAUSE)
            leader.engine.maintain(leader.now)
            return not database.execute("SELECT FROM contended").fetchall()

        wait_until(is_noticed, "the leader has noticed")
        leader.trouble.before("BEGIN", fails())
        leader.turn()
        assert leader.trouble.planned == 0
        assert leader.told_again == []
        leader.let_pass(PAUSE)
        leader.turn()
        assert leader.told_again != []


def test_an_owner_who_is_offline_registers_through_another_service(address: str) -> None:
    with services(address, 2) as (leader, other), connect(address) as database:
        leader.turn()
        leader.engine.note_presence("away", False, leader.now)
        pass_time(leader)
        assert absent(database) == []
        new_station(other, owner="away")
        wait_until(lambda: absent_after_a_while(leader, database) == ["away"], "the network knows")


def test_an_owner_who_is_offline_registers_where_there_is_one_service(address: str) -> None:
    with services(address) as (alone,), connect(address) as database:
        alone.turn()
        alone.engine.note_presence("away", False, alone.now)
        pass_time(alone)
        new_station(alone, owner="away")
        wait_until(lambda: absent_after_a_while(alone, database) == ["away"], "the network knows", 10)


def test_a_new_leader_knows_who_is_offline(address: str) -> None:
    """It has heard the same as the old one, which died before it had told."""
    with services(address, 2) as (leader, other), connect(address) as database:
        leader.turn()
        for service in (leader, other):
            service.engine.note_presence("away", False, service.now)
        pass_time(other)
        pass_time(other)
        assert not other.engine.leads
        new_station(other, owner="away")
        leader.die()
        wait_until(lambda: absent_after_a_while(other, database) == ["away"], "the network knows")


def test_a_new_leader_knows_who_is_back(address: str) -> None:
    with services(address, 2) as (leader, other), connect(address) as database:
        new_station(leader, owner="away")
        for service in (leader, other):
            service.engine.note_presence("away", False, service.now)
        wait_until(lambda: absent_after_a_while(leader, database) == ["away"], "the network knows")
        pass_time(other)
        other.engine.note_presence("away", True, other.now)
        pass_time(other)
        assert absent(database) == ["away"], "the other one is not the leader"
        leader.die()
        wait_until(lambda: absent_after_a_while(other, database) == [], "the network knows")


def test_a_leader_that_lost_a_broker_which_another_service_hears(address: str) -> None:
    """What it believes of the clients there is not told. The other one leads, which hears them."""
    with services(address, 2) as (leader, other), connect(address) as database:
        leader.turn()
        other.turn()
        new_station(leader, owner="there")
        leader.engine.note_hearing(all_brokers=False)
        leader.engine.note_presence("there", False, leader.now)

        def leads() -> bool:
            pass_time(leader)
            pass_time(other)
            assert absent(database) == []
            return other.engine.leads

        wait_until(leads, "the other service leads")
        assert not leader.engine.leads
        leader.engine.note_hearing(all_brokers=True)
        other.die()
        wait_until(lambda: leads_after_a_while(leader), "it leads again")


def test_a_broker_that_nobody_hears(address: str) -> None:
    """Its clients are offline, wherever they are."""
    with services(address, 2) as (leader, other), connect(address) as database:
        new_station(leader, owner="there")
        for service in (leader, other):
            service.turn()
            service.engine.note_hearing(all_brokers=False)
            service.engine.note_presence("there", False, service.now)
            pass_time(service)
        assert absent(database) == []

        def is_known() -> bool:
            pass_time(other)
            return absent_after_a_while(leader, database) == ["there"]

        wait_until(is_known, "the network knows")
        assert leader.engine.leads
        assert not other.engine.leads


def test_services_that_all_miss_a_broker_have_a_leader(address: str) -> None:
    with services(address, 2) as (leader, other):
        for service in (leader, other):
            service.turn()
            service.engine.note_hearing(all_brokers=False)
            pass_time(service)
        leader.die()
        wait_until(lambda: leads_after_a_while(other), "the one that is left leads")


def test_an_account_of_which_the_network_cannot_be_told(address: str) -> None:
    """The others are told of all the same, and so is it, when it can be."""
    names = [f"owner-{number}" for number in range(5)]
    with services(address) as (service,), connect(address) as database:
        for number, name in enumerate(names):
            new_station(service, number, owner=name)
        database.execute("ALTER TABLE absences ADD CONSTRAINT refused CHECK (owner <> 'owner-3')")
        for name in names:
            service.engine.note_presence(name, False, service.now)
        others = [name for name in names if name != "owner-3"]
        wait_until(lambda: sorted(absent_after_a_while(service, database)) == others, "the others are known")
        for _ in range(3):
            pass_time(service)
        database.execute("ALTER TABLE absences DROP CONSTRAINT refused")
        service.let_pass(2 * ASIDE)
        wait_until(lambda: sorted(absent_after_a_while(service, database)) == names, "all are known", 10)


def test_many_who_are_back_are_looked_up_a_few_at_a_time(address: str) -> None:
    """After a broker has failed, all of its clients are offline and come back: each is read once."""
    with services(address) as (service,), connect(address) as database:
        new_station(service, owner="back")
        database.execute(
            'INSERT INTO absences SELECT \'away-\' || n, (\'{"owner": "away-\' || n || \'", "since":'
            ' "2026-01-01T00:00:00Z"}\')::json FROM generate_series(1, 1000) AS n'
        )
        service.turn()
        service.trouble.statements.clear()
        for number in range(150):
            service.engine.note_presence(f"away-{number + 1}", True, service.now)
        wait_until(lambda: len(absent_after_a_while(service, database)) == 850, "they are back")
        assert not any(text == "SELECT record FROM absences" for text in service.trouble.statements)


def test_counts_are_made_beside_the_loop(address: str) -> None:
    """With millions of records, it takes seconds, in which requests must not wait."""
    with services(address) as (service,), connect(address) as database:
        new_station(service, 1, points=2)
        new_station(service, 2, operational=False)
        new_station(service, 3, points=3, owner="away")
        service.engine.note_presence("away", False, service.now - timedelta(minutes=10))
        pass_time(service)
        service.result(booking("car", 1))
        database.execute("BEGIN; LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
        assert service.engine.counts(service.now).stations == 0
        database.execute("ROLLBACK")
        found = wait_until(lambda: counted(service), "everything is counted")
        assert (found.stations, sum(found.points.values()), found.reservations) == (3, 6, 1)
        assert (found.points_out_of_order, found.offline_owners) == (4, 1)


def test_notes_about_strangers_are_forgotten() -> None:
    notes, now = PresenceNotes(), datetime(2026, 1, 1, tzinfo=UTC)
    for number in range(3):
        notes.note(f"stranger-{number}", False, now)
    notes.note("online", True, now)
    notes.note("owner", False, now)
    notes.settle({name: (False, name == "owner") for name in notes.unsettled})
    assert notes.unsettled == ["owner"]
    notes.settle({"owner": (True, True)})
    assert notes.unsettled == []
    notes.look_again(["stranger-1", "online"])
    assert notes.unsettled == ["stranger-1"]


def counted(service: Service) -> NetworkCounts | None:
    found = service.engine.counts(service.now)
    return found if found.stations else None


def pass_time(service: Service) -> None:
    service.let_pass(PAUSE)
    service.turn()


def points_told_again(service: Service) -> set[Any]:
    pass_time(service)
    return {key for changes in service.told_again for key in changes.removed_points}


def leads_after_a_while(service: Service) -> bool:
    pass_time(service)
    return service.engine.leads


def absent_after_a_while(service: Service, database: Database) -> list[str]:
    pass_time(service)
    return absent(database)


def absent(database: Database) -> list[str]:
    return [owner for (owner,) in database.execute("SELECT owner FROM absences")]
