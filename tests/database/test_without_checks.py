"""Services that do not check what must never be: the database alone refuses it, and they answer BUSY."""

from collections.abc import Callable

import pytest

from tests.database import seeded_faults as seeded
from tests.database.engines import Asked, booking, new_station, request, services
from tests.faults.database_contents import find_problems
from tests.kit.postgres import Postgres


def station(x: float) -> Asked:
    return request("owner", "newChargingStation", x_position=x, y_position=0)


@pytest.mark.parametrize(
    ("without", "asked"),
    [
        (seeded.no_five_minutes, booking("another-car", 1)),
        (seeded.vehicle_looks_free, booking("car", 1)),
        (seeded.place_looks_free, station(1)),
        (seeded.station_ids_begin_again, station(7)),
        (seeded.request_looks_new, booking("yet-another-car", 1, "the same")),
    ],
    ids=["five minutes", "a vehicle's reservation", "a location", "an ID", "a request ID"],
)
def test_without_a_check(
    without: Callable[[seeded.Patch], None], asked: Asked, postgres: Postgres, monkeypatch: seeded.Patch
) -> None:
    address = postgres.new_database()
    with services(address) as (service,):
        new_station(service, 1)
        service.result(booking("car", 1))
        service.result(booking("yet-another-car", 1, "the same"))
        without(monkeypatch)
        assert service.code(asked) == "BUSY"
        monkeypatch.undo()
        assert find_problems(address) == []
        assert service.result(request("yet-another-car", "findReservation"))["reservationID"] == 2
