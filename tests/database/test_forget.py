"""`recharge forget` in a database: afterwards a vehicle's name is in no row, and all else is there."""

import json
from datetime import timedelta
from typing import Any

import pytest
from psycopg import sql

from cloud_service.cli.main import main
from cloud_service.database.connection import Database, connect
from tests.database.engines import Service, booking, new_station, request, services
from tests.kit.postgres import Postgres
from tests.kit.waiting import wait_until

ABSENCE = {"owner": "vehicle-ana", "since": "2026-03-01T12:00:00Z"}


@pytest.fixture
def address(postgres: Postgres) -> str:
    """vehicle-ana and vehicle-ana2 have cancelled, and both were named by a charger; ana charges."""
    made = postgres.new_database()
    with services(made) as (service,), connect(made) as database:
        new_station(service, points=2)
        for point, vehicle in enumerate(("vehicle-ana", "vehicle-ana2"), 1):
            cancel(service, vehicle)
            values: dict[str, Any] = {"chargingStationID": 1, "chargingPointID": point, "vehicleID": vehicle}
            service.result(request("owner", "startCharging", **values))
        service.result(request("owner", "finishCharging", chargingStationID=1, chargingPointID=2))
        service.code(request("owner", "findReservation", vehicleID="vehicle-ana"))
        database.execute("INSERT INTO absences VALUES ('vehicle-ana', %s)", [json.dumps(ABSENCE)])
        all_told(service, database)
    return made


def cancel(service: Service, vehicle: str) -> None:
    booked = service.result(booking(vehicle, request_id="asked before"))
    service.result(request(vehicle, "deleteReservation", reservationID=booked["reservationID"]))


def all_told(service: Service, database: Database) -> None:
    def is_told() -> bool:
        service.let_pass(timedelta(seconds=1))
        service.turn()
        return not database.execute("SELECT FROM events").fetchall()

    wait_until(is_told, "all events are told")


def rows_with(address: str, name: str) -> dict[str, int]:
    """In how many rows of which table a name stands, as a whole word."""
    found = {}
    with connect(address) as database:
        tables = database.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'recharge'::regnamespace"
        ).fetchall()
        for (table,) in tables:
            statement = sql.SQL("SELECT count(*) FROM {table} WHERE {table}::text ~ {name}")
            query = statement.format(table=sql.Identifier(table), name=sql.Literal(rf"\m{name}\M"))
            row = database.execute(query).fetchone()
            if row and row[0]:
                found[table.rstrip("_0123456789")] = row[0]
    return found


def test_a_name_is_in_no_row(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    other = rows_with(address, "vehicle-ana2")
    assert rows_with(address, "vehicle-ana").keys() == {"sessions", "absences", "history", "requests"}
    assert main(["forget", "vehicle-ana", "--state", address]) == 0
    said = capsys.readouterr().out
    assert "erased from 1 rows of history" in said
    assert "the database does not name the vehicle vehicle-ana with an account" in said
    assert rows_with(address, "vehicle-ana") == {}
    assert rows_with(address, "vehicle-ana2") == other
    assert main(["verify", "--state", address]) == 0
    with services(address) as (service,):
        again = service.result(booking("vehicle-ana", request_id="asked before"))
        assert again["reservationID"] == 2, "the request was forgotten, and the IDs were not"


def test_the_vehicle_of_tcp_with_this_name_is_another_one(address: str) -> None:
    assert main(["forget", "--tcp", "vehicle-ana", "--state", address]) == 0
    assert {"sessions", "absences", "history", "requests"} == rows_with(address, "vehicle-ana").keys()


def test_a_vehicle_with_a_reservation_stays_known(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    with services(address) as (service,):
        service.result(booking("vehicle-ana2"))
    assert main(["forget", "vehicle-ana2", "--state", address]) == 1
    assert "vehicle-ana2 has a reservation" in capsys.readouterr().err


def test_a_vehicle_whose_events_are_not_told_stays_known(
    address: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with services(address) as (service,):
        service.tells = False
        cancel(service, "bia")
    assert main(["forget", "bia", "--state", address]) == 1
    assert "has not received every event about bia" in capsys.readouterr().err


def test_a_network_that_runs(address: str, capsys: pytest.CaptureFixture[str]) -> None:
    with services(address) as (service,):
        service.turn()
        assert main(["forget", "vehicle-ana", "--state", address]) == 1
    assert "is in use by a cloud service" in capsys.readouterr().err
