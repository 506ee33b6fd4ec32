"""What the database itself refuses, whatever a service may think of it."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import errors

from cloud_service.database.connection import Database, connect
from tests.database.engines import request, services
from tests.kit.postgres import Postgres

COPY_RESERVATION = """
    INSERT INTO reservations (station_id, point_id, reservation_id, legacy, vehicle, start, finish, record)
    SELECT {station}, {point}, {number}, legacy, {vehicle}, start + {later}, finish + {later}, record
    FROM reservations WHERE vehicle = 'ana'
"""


@pytest.fixture(scope="module")
def address(postgres: Postgres) -> str:
    """A database with two points at a station; ana has booked the first one."""
    made = postgres.new_database()
    with services(made) as (service,):
        for at in (1, 2):
            station = service.result(request("owner", "newChargingStation", x_position=at, y_position=0))
            for _ in range(2):
                point = {"chargingStationID": station, "power": 10, "kWhPrice": 1, "availability": "livre"}
                service.result(request("owner", "newChargingPoint", **point))
        service.result(
            request(
                "ana", "scheduleReservation", "id-1", x=1, y=0, actualBatteryPercentage=0, batteryCapacity=10
            )
        )
    return made


@pytest.fixture
def database(address: str) -> Iterator[Database]:
    """What a test writes is taken back."""
    with connect(address) as connection:
        connection.execute("BEGIN")
        yield connection
        connection.execute("ROLLBACK")


def reservation(
    *, station: int = 1, point: int = 1, number: int = 2, vehicle: str = "bia", later: str = "0 minutes"
) -> bytes:
    return COPY_RESERVATION.format(
        station=station, point=point, number=number, vehicle=f"'{vehicle}'", later=f"interval '{later}'"
    ).encode()


@pytest.mark.parametrize("later", ["0 minutes", "30 minutes", "-30 minutes", "64 minutes", "-64 minutes"])
def test_two_reservations_of_a_point_within_five_minutes(database: Database, later: str) -> None:
    with pytest.raises(errors.ExclusionViolation):
        database.execute(reservation(later=later))


@pytest.mark.parametrize("later", ["65 minutes", "-65 minutes"])
def test_five_minutes_apart_they_may_be(database: Database, later: str) -> None:
    database.execute(reservation(later=later))


def test_two_reservations_of_a_vehicle(database: Database) -> None:
    with pytest.raises(errors.UniqueViolation, match="one_reservation_of_a_vehicle"):
        database.execute(reservation(vehicle="ana", point=2, number=1))


def test_a_reservation_of_a_point_that_is_not_there(database: Database) -> None:
    with pytest.raises(errors.ForeignKeyViolation):
        database.execute(reservation(point=9))


@pytest.mark.parametrize("owner", ["owner", "somebody"])
def test_two_stations_at_a_location(database: Database, owner: str) -> None:
    with pytest.raises(errors.UniqueViolation, match="one_station_at_a_location"):
        database.execute(
            "INSERT INTO stations (station_id, owner, x, y, place, has_points, last_point_id, record)"
            " VALUES (3, %s, 1.0, 0, point(1, 0), false, 0, '{}')",
            [owner],
        )


def test_a_station_moved_to_another_ones_location(database: Database) -> None:
    with pytest.raises(errors.UniqueViolation, match="one_station_at_a_location"):
        database.execute("UPDATE stations SET x = 1 WHERE station_id = 2")


@pytest.mark.parametrize(
    ("remove", "add"),
    [
        (
            "DELETE FROM reservations",
            "INSERT INTO reservations (station_id, point_id, reservation_id, legacy, vehicle, start, finish,"
            " record) VALUES (1, 1, 1, false, 'bia', now(), now(), '{}')",
        ),
        (
            "DELETE FROM points WHERE station_id = 2 AND point_id = 2",
            "INSERT INTO points (station_id, point_id, last_reservation_id, changed_at, changed_by, record)"
            " VALUES (2, 2, 0, now(), gen_random_uuid(), '{}')",
        ),
        (
            "DELETE FROM points WHERE station_id = 2; DELETE FROM stations WHERE station_id = 2",
            "INSERT INTO stations (station_id, owner, x, y, place, has_points, last_point_id, record)"
            " VALUES (2, 'owner', 7, 7, point(7, 7), false, 0, '{}')",
        ),
    ],
    ids=["reservation", "point", "station"],
)
def test_an_id_that_was_given_before(database: Database, remove: str, add: str) -> None:
    database.execute(remove.encode())
    with pytest.raises(errors.UniqueViolation, match="given before"):
        database.execute(add.encode())


@pytest.mark.parametrize(
    "shrink",
    [
        "UPDATE network SET last_station_id = 1",
        "UPDATE stations SET last_point_id = 1 WHERE station_id = 2",
        "UPDATE points SET last_reservation_id = 0 WHERE station_id = 1 AND point_id = 1",
    ],
)
def test_the_largest_id_ever_given_does_not_shrink(database: Database, shrink: str) -> None:
    with pytest.raises(errors.CheckViolation):
        database.execute(shrink.encode())


@pytest.mark.parametrize("day", ["0 days", "1 day"])
def test_a_request_id_that_was_used_before(database: Database, day: str) -> None:
    with pytest.raises(errors.UniqueViolation):
        database.execute(
            "INSERT INTO requests SELECT client, identity, at + %s::interval, day + %s::interval,"
            " fingerprint, status, body FROM requests WHERE client = 'ana'",
            [day, day],
        )


def test_the_login_of_a_service_owns_nothing(postgres: Postgres, address: str) -> None:
    with connect(address) as owner:
        owner.execute("DROP ROLE IF EXISTS service_login")
        owner.execute("CREATE ROLE service_login LOGIN IN ROLE recharge_service")
    login = address.replace("owner@", "service_login@")
    with services(login) as (service_of_login,):
        found = service_of_login.result(request("ana", "findReservation"))
        assert found["chargingStationID"] == 1
    with psycopg.connect(login, options="-c search_path=recharge") as service:
        with pytest.raises(errors.InsufficientPrivilege):
            service.execute("DROP TABLE reservations")
        service.rollback()
        with pytest.raises(errors.InsufficientPrivilege):
            service.execute("ALTER TABLE reservations DROP CONSTRAINT five_minutes_between_reservations")
