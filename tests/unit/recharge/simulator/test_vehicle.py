"""What a simulated vehicle does and reports."""

import asyncio
from random import Random
from typing import cast

from recharge import Event, Vehicle
from recharge.simulator.car import Car
from recharge.simulator.observer import (
    Booked,
    ChargingFinished,
    ChargingStarted,
    Question,
    ReservationLost,
)
from recharge.simulator.vehicle import Pace, SimulatedVehicle
from tests.unit.recharge.samples import START
from tests.unit.recharge.simulator.fakes import FakeVehicle, RecordingObserver

FAST = Pace(time_scale=30_000)


def simulate(vehicle: FakeVehicle, observer: RecordingObserver, pace: Pace = FAST) -> bool:
    async def run() -> bool:
        car = Car(0, 0, battery=19, capacity=10)
        driven = SimulatedVehicle(cast(Vehicle, vehicle), car, pace, Random(1), observer)
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
    assert finished.energy > 0
    assert finished.price == finished.energy * booked.reservation.kwh_price
    assert vehicle.cancelled == vehicle.booked


def test_a_driver_who_does_not_want_to_charge_books_nothing() -> None:
    vehicle = FakeVehicle()
    assert not simulate(vehicle, RecordingObserver(Question.BOOK))
    assert vehicle.booked == []


def test_a_driver_who_does_not_want_to_go_there_cancels() -> None:
    vehicle, observer = FakeVehicle(), RecordingObserver(Question.DRIVE_THERE)
    assert not simulate(vehicle, observer)
    assert vehicle.cancelled == vehicle.booked != []
    assert [type(report) for report in observer.reports] == [Booked]


def test_a_vehicle_that_loses_its_reservation_books_again() -> None:
    vehicle = FakeVehicle()

    class CancelledOnce(RecordingObserver):
        async def agrees(self, question: Question, car: Car) -> bool:
            if question is Question.DRIVE_THERE and len(vehicle.booked) == 1:
                vehicle.received.put(Event("reservationCancelled", START, vehicle.booked[0], "pointDeleted"))
            return await super().agrees(question, car)

    observer = CancelledOnce()
    assert simulate(vehicle, observer)
    assert [type(report) for report in observer.reports] == [
        Booked,
        ReservationLost,
        Booked,
        ChargingStarted,
        ChargingFinished,
    ]
