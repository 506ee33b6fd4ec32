"""What a simulated vehicle does and reports."""

import asyncio
from datetime import UTC, datetime, timedelta
from random import Random
from typing import cast

import pytest

from recharge import Event, Station, Vehicle, Wishes
from recharge.simulator.car import Car
from recharge.simulator.observer import (
    Activity,
    AlreadyReserved,
    Booked,
    ChargingFinished,
    ChargingStarted,
    NothingBooked,
    Offered,
    Progress,
    Question,
    ReservationCancelled,
    ReservationLost,
    ReservationMoved,
    StationMoved,
)
from recharge.simulator.vehicle import Pace, SimulatedVehicle
from tests.unit.recharge.samples import OFFER, START, moved, reservation
from tests.unit.recharge.simulator.fakes import STATION, FakeVehicle, RecordingObserver

FAST = Pace(time_scale=30_000)


def simulate(
    vehicle: FakeVehicle,
    observer: RecordingObserver,
    pace: Pace = FAST,
    capacity: float = 400,
    kilometres: float = 0,
    wishes: Wishes | None = None,
    quotes: bool = False,
) -> bool:
    async def run() -> bool:
        car = Car(STATION.x - kilometres, STATION.y, battery=19, capacity=capacity)
        driven = SimulatedVehicle(
            cast(Vehicle, vehicle), car, pace, Random(1), observer, wishes=wishes, quotes=quotes
        )
        async with driven as simulated:
            return await simulated.drive_and_charge()

    return asyncio.run(run())


def test_a_vehicle_books_drives_charges_and_gives_the_rest_back() -> None:
    vehicle, observer = FakeVehicle(), RecordingObserver()
    assert simulate(vehicle, observer)
    booked, started, finished = observer.reports
    assert isinstance(booked, Booked)
    assert booked.kilometres is not None
    assert started == ChargingStarted(booked.reservation)
    assert isinstance(finished, ChargingFinished)
    assert finished.energy == 50
    assert finished.price == booked.reservation.price
    assert vehicle.cancelled == vehicle.booked


def test_a_vehicle_that_comes_a_little_late_stays_a_little_longer() -> None:
    """Four kilometres take four minutes, and five minutes are free after each charge."""
    observer = RecordingObserver()
    assert simulate(FakeVehicle(), observer, Pace(time_scale=3000), kilometres=4)
    finished = observer.reports[-1]
    assert isinstance(finished, ChargingFinished)
    assert (finished.energy, finished.price) == (50, 45)


def test_a_battery_that_takes_less_than_reserved_pays_a_share() -> None:
    """It takes 8.1 kWh of 50."""
    observer = RecordingObserver()
    assert simulate(FakeVehicle(), observer, capacity=10)
    finished = observer.reports[-1]
    assert isinstance(finished, ChargingFinished)
    assert finished.battery == 100
    assert finished.energy == pytest.approx(8.1)
    assert finished.price == pytest.approx(45 * 8.1 / 50)


def test_a_vehicle_that_comes_late_pays_for_what_is_left() -> None:
    vehicle, observer = FakeVehicle(), RecordingObserver()
    vehicle.found = reservation(start=datetime.now(UTC) - timedelta(minutes=45))
    assert simulate(vehicle, observer)
    finished = observer.reports[-1]
    assert isinstance(finished, ChargingFinished)
    assert 0 < finished.energy <= 50 / 3
    assert finished.price == pytest.approx(45 * finished.energy / 50)


def test_a_vehicle_uses_the_reservation_that_it_has() -> None:
    vehicle, observer = FakeVehicle(), RecordingObserver()
    vehicle.found = reservation(start=datetime.now(UTC))
    assert simulate(vehicle, observer)
    assert vehicle.booked == []
    assert observer.asked == [Question.DRIVE_THERE]
    assert observer.reports[:2] == [AlreadyReserved(), Booked(vehicle.found, 0, STATION)]


def test_a_driver_may_keep_a_reservation_for_later() -> None:
    vehicle, observer = FakeVehicle(), RecordingObserver(Question.DRIVE_THERE, Question.CANCEL)
    assert not simulate(vehicle, observer)
    assert len(vehicle.booked) == 1
    assert vehicle.cancelled == []


def test_a_driver_who_does_not_want_to_charge_books_nothing() -> None:
    vehicle, observer = FakeVehicle(), RecordingObserver(Question.BOOK)
    assert not simulate(vehicle, observer)
    assert vehicle.booked == []
    assert observer.reports == [NothingBooked()]


def test_a_driver_who_does_not_want_to_go_there_cancels() -> None:
    vehicle, observer = FakeVehicle(), RecordingObserver(Question.DRIVE_THERE)
    assert not simulate(vehicle, observer)
    assert vehicle.cancelled == vehicle.booked != []
    assert [type(report) for report in observer.reports] == [Booked, ReservationCancelled]


def test_a_vehicle_that_loses_its_reservation_books_again() -> None:
    vehicle = FakeVehicle()

    class CancelledOnce(RecordingObserver):
        async def agrees(self, question: Question, car: Car) -> bool:
            if question is Question.DRIVE_THERE and len(vehicle.booked) == 1:
                vehicle.received.put(Event("reservationCancelled", START, vehicle.booked[0], "pointDeleted"))
            return await super().agrees(question, car)

    observer = CancelledOnce()
    assert simulate(vehicle, observer, kilometres=1)
    assert [type(report) for report in observer.reports] == [
        Booked,
        ReservationLost,
        Booked,
        ChargingStarted,
        ChargingFinished,
    ]


def test_a_vehicle_drives_to_where_its_station_has_moved() -> None:
    """The retained state, which says where that is, follows the event."""
    vehicle = FakeVehicle()
    moved = Station(STATION.station_id, STATION.x, STATION.y + 10)

    class OnTheWay(RecordingObserver):
        car: Car | None = None

        async def agrees(self, question: Question, car: Car) -> bool:
            if question is Question.DRIVE_THERE:
                vehicle.received.put(Event("reservationChanged", START, vehicle.booked[0], "stationMoved"))
                asyncio.get_running_loop().call_later(0.5, setattr, vehicle, "retained", moved)
            return await super().agrees(question, car)

        def progress(self, progress: Progress) -> None:
            self.car = progress.car

    observer = OnTheWay()
    assert simulate(vehicle, observer, Pace(time_scale=3000), kilometres=150)
    assert StationMoved() in observer.reports
    assert observer.car is not None
    assert (observer.car.x, observer.car.y) == (moved.x, moved.y)


def test_a_vehicle_looks_at_the_offers_and_books_by_its_wishes() -> None:
    vehicle, observer = FakeVehicle(), RecordingObserver()
    wishes = Wishes(objective="soonest", flexible=True)
    assert simulate(vehicle, observer, wishes=wishes, quotes=True)
    assert observer.reports[0] == Offered([OFFER])
    assert vehicle.wished == [wishes]


def test_a_vehicle_drives_where_its_reservation_has_moved() -> None:
    vehicle = FakeVehicle()

    class MovedOnce(RecordingObserver):
        async def agrees(self, question: Question, car: Car) -> bool:
            if question is Question.DRIVE_THERE:
                vehicle.received.put(moved(vehicle.booked[0]))
            return await super().agrees(question, car)

    observer = MovedOnce()
    assert simulate(vehicle, observer, kilometres=1)
    booked, told, started, finished = observer.reports
    assert isinstance(booked, Booked)
    assert isinstance(told, ReservationMoved)
    assert told.event == moved(booked.reservation)
    assert started == ChargingStarted(told.event.reservation)
    assert isinstance(finished, ChargingFinished)
    assert vehicle.cancelled == [told.event.reservation]


def test_a_vehicle_that_waits_learns_that_its_reservation_has_moved() -> None:
    """It has arrived, and its reservation begins two hours later: it would wait for a second and a half."""
    vehicle = FakeVehicle()
    vehicle.found = reservation(start=datetime.now(UTC) + timedelta(hours=2))
    earlier = moved(vehicle.found, reason="movedUp", delay=timedelta(hours=-2))

    class MovedUp(RecordingObserver):
        def progress(self, progress: Progress) -> None:
            if progress.activity is Activity.WAITING and not vehicle.told:
                vehicle.told = True
                vehicle.received.put(earlier)

    observer = MovedUp()
    assert simulate(vehicle, observer, Pace(time_scale=5_000))
    assert [type(report) for report in observer.reports[1:]] == [
        Booked,
        ReservationMoved,
        ChargingStarted,
        ChargingFinished,
    ]
    assert observer.reports[3] == ChargingStarted(earlier.reservation)


def test_a_vehicle_that_was_not_there_in_time_books_again() -> None:
    vehicle = FakeVehicle()
    vehicle.found = reservation(start=datetime.now(UTC) + timedelta(hours=1))
    missed = Event("reservationNoShow", START, vehicle.found, "noShow")

    class Late(RecordingObserver):
        def progress(self, progress: Progress) -> None:
            if not vehicle.told:
                vehicle.told = True
                vehicle.received.put(missed)

    observer = Late()
    assert simulate(vehicle, observer, kilometres=1)
    assert observer.reports[2] == ReservationLost(missed)
    assert len(vehicle.booked) == 1
