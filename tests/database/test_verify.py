"""`recharge verify --state`: everything wrong that a database can show is found, and a sound one is sound."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from cloud_service.cli.main import main
from cloud_service.database.connection import Database, connect
from cloud_service.database.preparing import prepare_schema
from cloud_service.database.verifying.schema import GUARDS, guards_of
from cloud_service.database.verifying.verify import examine_database
from tests.database.engines import Service, booking, new_station, request, services
from tests.kit.filled_database import fill
from tests.kit.postgres import Postgres
from tests.kit.waiting import wait_until

UNCHECKED = "SET LOCAL session_replication_role = replica; "
"""Neither references nor triggers refuse anything until the transaction ends."""

FAULTS = {
    "ALTER TABLE reservations DROP CONSTRAINT five_minutes_between_reservations": "minutes.* is missing",
    "ALTER TABLE stations DISABLE TRIGGER station_id_is_new": "station_id_is_new is not in force",
    "ALTER TABLE points DISABLE TRIGGER ALL": "points_station_id_fkey is not in force",
    "DROP INDEX one_station_at_a_location": "one_station_at_a_location is missing",
    "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'one_station_at_a_location'::regclass":
        "one_station_at_a_location is not in force",
    "UPDATE stations SET owner = 'nobody'": "stations: owner is nobody",
    "UPDATE stations SET x = x + 10": "stations: x is",
    "UPDATE stations SET place = point(9, 9)": r"stations: place\[0\] is 9",
    "UPDATE stations SET has_points = false": "station 1: has_points is wrong",
    "UPDATE stations SET last_point_id = 9 WHERE station_id = 1": "stations: last_point_id is 9",
    "UPDATE points SET last_reservation_id = 9": "points: last_reservation_id is 9",
    "UPDATE points SET record = '{}'": "points: {} is not what a service wrote",
    "UPDATE points SET due_at = due_at + interval '1 second'": "something is due there",
    "UPDATE points SET due_at = NULL": "but the database has None",
    "UPDATE reservations SET finish = finish + interval '1 second'": "reservations: finish is",
    "UPDATE reservations SET waits_at = NULL": r"reservations: waits_at\[0\] is None",
    "UPDATE sessions SET vehicle = 'nobody'": "sessions: vehicle is nobody",
    "DELETE FROM sessions": "is reserved again: no session serves it",
    "UPDATE absences SET owner = 'nobody'": "absences: owner is nobody",
    "UPDATE events SET vehicle = 'nobody'": "events: vehicle is nobody",
    "UPDATE history SET reservation_id = 9": "history: reservation_id is 9",
    "UPDATE history SET record = replace(record::text, 'cancelled', 'noShow')::json": "its state is noShow",
    "INSERT INTO history SELECT * FROM history": "has ended twice",
    UNCHECKED + "UPDATE requests SET day = day + 1": "are kept under another day",
    "ALTER SEQUENCE bookings RESTART": r"the number of booking \d+ would be given again",
    "UPDATE reservations SET record = jsonb_set(record::jsonb, '{booked,1}', '1000000')::json":
        "the number of booking 1000000 would be given again",
    """UPDATE stations SET record = record::jsonb || '{"lastChargingPointID": 0}'""":
        "the ID of point 1 of station 1 would be given again",
    """UPDATE points SET record = record::jsonb || '{"lastReservationID": 0}'""":
        "the ID of reservation 1 .*would be given again",
    """ALTER TABLE reservations DROP CONSTRAINT one_reservation_of_a_vehicle;
    UPDATE reservations SET vehicle = 'ana', record = record::jsonb || '{"vehicleID": "ana"}'""":
        "are of the same vehicle",
    """ALTER TABLE reservations DROP CONSTRAINT five_minutes_between_reservations;
    INSERT INTO reservations SELECT station_id, point_id, 9, legacy, 'bia-2', start, finish, waits_at,
    record::jsonb || '{"reservationID": 9, "vehicleID": "bia-2"}' FROM reservations WHERE vehicle = 'bia'""":
        "are less than five minutes apart",
    UNCHECKED + "DELETE FROM points": "point 1 of station 1: its point does not exist",
    UNCHECKED + "DELETE FROM stations": "point 1 of station 1: its station does not exist",
    UNCHECKED + "UPDATE network SET last_station_id = 0": "the ID of station 1 would be given again",
    "INSERT INTO migrations (version, name) VALUES (9999, 'of later')": "version 9999",
    "DELETE FROM migrations WHERE version > 2": "at version 2",
    "UPDATE network SET half_copied_from = 'data'": "the copy of data to this database was broken off",
}  # fmt: skip


@pytest.fixture(scope="module")
def address(postgres: Postgres) -> str:
    """A network that has something of everything: ana charges, bia waits, carl has cancelled."""
    made = postgres.new_database()
    with services(made) as (service,), connect(made) as database:
        service.tells = False
        for at in (1, 2):
            new_station(service, at)
        service.result(booking("ana", 1))
        charging: dict[str, Any] = {"chargingStationID": 1, "chargingPointID": 1}
        service.result(request("owner", "startCharging", **charging))
        service.result(booking("bia", 2, flexible=True))
        booked = service.result(booking("carl", 2))
        service.result(request("carl", "deleteReservation", reservationID=booked["reservationID"]))
        service.engine.note_presence("owner", False, service.now)

        def is_absent() -> bool:
            service.let_pass(timedelta(seconds=1))
            service.turn()
            return bool(database.execute("SELECT FROM absences").fetchall())

        wait_until(is_absent, "the network knows that the owner is offline")
    return made


@pytest.fixture
def database(address: str) -> Iterator[Database]:
    """What a test writes is taken back."""
    with connect(address, answer_seconds=None) as connection:
        connection.execute("BEGIN")
        yield connection
        connection.execute("ROLLBACK")


def findings(database: Database) -> list[str]:
    return [str(finding) for finding in examine_database(database).findings]


def test_a_sound_database(database: Database) -> None:
    report = examine_database(database)
    assert report.findings == []
    counted = report.remembered, report.events, report.ended, len(report.tables.reservations)
    assert counted == (9, 4, 1, 2)


def test_what_benchmarks_start_on_is_sound(postgres: Postgres) -> None:
    address = postgres.new_database()
    fill(address, stations=3, reservations_each=2)
    with connect(address) as database, database.transaction():
        assert findings(database) == []


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault(database: Database, fault: str) -> None:
    database.execute(fault.encode())
    found = findings(database)
    assert any(re.search(FAULTS[fault], finding) for finding in found), found


def test_all_that_services_rely_on_is_looked_for(postgres: Postgres) -> None:
    address = postgres.new_database()
    prepare_schema(address, None)
    with connect(address) as database:
        found = guards_of(database)
    assert set(found) == GUARDS | {"migrations_pkey"}
    assert all(found.values())


def test_the_command(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--state", address]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith("2 stations, 2 points, 2 reservations; 1 that ended")
    assert said[-1] == "the database is sound"


def test_a_damaged_database(postgres: Postgres, capsys: pytest.CaptureFixture[str]) -> None:
    address = postgres.new_database()
    Service(address).die()
    with connect(address) as database:
        database.execute("DROP INDEX one_station_at_a_location")
    assert main(["verify", "--state", address]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[-2:] == [
        "WRONG: one_station_at_a_location is missing: the database does not refuse what it should",
        "the database is not sound",
    ]


def test_a_database_that_is_away(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify", "--state", "postgresql://127.0.0.1:1/network"]) == 1
    assert "the database failed" in capsys.readouterr().err


def test_nothing_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["verify"]) != 0
    assert "--state" in capsys.readouterr().err
