"""Charges of which a charger tells when they are over: they enter the history, and touch nothing else."""

import pytest
from msgspec.structs import replace

from cloud_service.core.changes import Event
from tests.unit.service.engine.day import MINUTE, Day


def booked(day: Day) -> list[Event]:
    """What of charges that are over waits to be told."""
    pending = [event for _, event in day.store.load(day.now).pending_events]
    return [event for event in pending if event.reason == "chargedOffline"]


def test_it_is_a_completed_reservation_with_its_energy_and_price() -> None:
    day = Day()
    assert day.record(-120, -30, energy=5, vehicleID="ana") == "Sucesso"
    (event,) = booked(day)
    row = event.reservation
    assert (event.type, event.energy, row.state) == ("reservationFinished", 5, "completed")
    assert (row.start, row.finish) == (day.now - 120 * MINUTE, day.now - 30 * MINUTE)
    assert (row.vehicle_id, row.power, row.duration, row.kwh_price, row.price) == ("ana", 10, 0.5, 1, 5)
    assert day.told() == [("ana", "reservationFinished", "chargedOffline")]


def test_without_a_vehicle_only_the_owner_is_told() -> None:
    day = Day()
    day.record(-120, -30)
    assert day.told() == []
    assert booked(day)[0].reservation.vehicle_id == "charger"


def test_it_takes_no_time_and_frees_none() -> None:
    day = Day()
    day.book("ana")
    day.turn(minutes=5)
    day.start("ana")
    point, session = day.engine.network.point((1, 1)), day.engine.network.session((1, 1))
    ana, listed = day.find("ana"), day.ask("charger", "receiveAllReservations", chargingStationID=1)
    day.told()
    assert point is not None
    for _ in range(2):
        assert day.record(-300, -0.5, vehicleID="ana") == "Sucesso"
    assert day.engine.network.point((1, 1)) == replace(point, last_reservation_id=3)
    assert day.engine.network.session((1, 1)) == session
    assert (day.find("ana"), day.ask("charger", "receiveAllReservations", chargingStationID=1)) == (
        ana,
        listed,
    )


def test_its_id_is_not_given_again() -> None:
    day = Day()
    day.record(-120, -30)
    day.restart()
    assert day.book("ana")["reservationID"] == 2


def test_the_tariff_of_its_time_counts() -> None:
    day = Day()
    tariff = [{"kWhPrice": 3, "start_time": "10:00", "end_time": "11:00"}]
    day.update(tariff=tariff)
    day.record(-120, 0, energy=4)
    (event,) = booked(day)
    assert (event.reservation.price, event.reservation.kwh_price) == (8, 2)
    day.record(-120, 0, energy=0)
    assert booked(day)[1].reservation.price == 0


@pytest.mark.parametrize(
    ("started", "finished", "energy"),
    [
        (-60, 1, 5),
        (-30, -30, 5),
        (-30, -60, 5),
        (-367 * 1440, -366.5 * 1440, 5),
        (-32 * 1440, -1, 5),
        (-60, -30, 10**308),
    ],
)
def test_what_cannot_have_been(started: float, finished: float, energy: float) -> None:
    day = Day()
    day.update(tariff=[{"kWhPrice": 100}])
    assert day.record(started, finished, energy) == "BAD_REQUEST"
    assert booked(day) == []


def test_at_a_point_that_is_not_there_or_somebody_else_s() -> None:
    day = Day()
    assert day.record(-60, -30, chargingPointID=9) == "NOT_FOUND"
    values = {"chargingStationID": 1, "chargingPointID": 1, "energy": 1}
    times = {"startDateTime": "2026-03-01T10:00:00Z", "finishDateTime": "2026-03-01T11:00:00Z"}
    assert day.ask("other", "recordCharging", **values, **times) == "FORBIDDEN"
