"""What the database will never take is the fault of one request, or of one point: the others go on."""

from datetime import timedelta

import pytest

from cloud_service.database.connection import Database, connect
from tests.database.engines import booking, new_station, request, services
from tests.kit.postgres import Postgres
from tests.kit.waiting import wait_until

STATIONS = 5
A_FINISH = timedelta(hours=2)
"""Long enough for a reservation to be over."""


@pytest.fixture
def address(postgres: Postgres) -> str:
    """Nothing that has been at the first station can be put into the history."""
    made = postgres.new_database()
    with services(made) as (service,):
        for number in range(1, STATIONS + 1):
            new_station(service, number)
    with connect(made) as database:
        database.execute("ALTER TABLE history ADD CHECK (station_id <> 1)")
    return made


def test_requests_of_one_batch(address: str) -> None:
    with services(address) as (service,):
        for number in range(1, STATIONS + 1):
            service.result(booking(f"car{number}", number))
        cancels = [
            request(f"car{number}", "deleteReservation", reservationID=1) for number in range(1, STATIONS + 1)
        ]
        first, *others = service.answers(*cancels)
        assert first["error"]["code"] == "INTERNAL"
        assert all(answer["ok"] for answer in others)
        assert service.result(booking("next", 1))["chargingStationID"] == 1


def test_what_is_due(address: str) -> None:
    with services(address) as (service,), connect(address) as database:
        for number in range(1, STATIONS + 1):
            service.result(booking(f"car{number}", number))

        def is_left() -> list[str]:
            service.let_pass(A_FINISH)
            service.turn()
            return vehicles(database)

        wait_until(lambda: is_left() == ["car1"], "all others were made")
        assert service.result(booking("next", 5))["chargingStationID"] == 5


def vehicles(database: Database) -> list[str]:
    return [vehicle for (vehicle,) in database.execute("SELECT vehicle FROM reservations ORDER BY 1")]


@pytest.mark.parametrize("station", [2**63 - 1, 2**63, 2**64, 10**30, -(2**63) - 1])
def test_a_station_with_a_number_larger_than_any(address: str, station: int) -> None:
    """A data folder says that there is none, so the database does too."""
    with services(address) as (service,):
        service.turn()
        service.trouble.statements.clear()
        asked = request("owner", "deleteChargingStation", chargingStationID=station)
        beside = request("nobody", "findReservation")
        found = service.answers(asked, beside)
        assert {answer["error"]["code"] for answer in found} <= {"NOT_FOUND", "BAD_REQUEST"}
        searches = [text for text in service.trouble.statements if "record FROM stations" in text]
        assert bool(searches) == (0 < station < 2**63), (
            "it would look through all stations, without the index"
        )
