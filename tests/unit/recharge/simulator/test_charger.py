"""What a simulated charger tells the network and reports."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import cast

from recharge import Busy, Charger, Event, NotFound
from recharge.simulator.charger import SimulatedCharger
from recharge.simulator.observer import (
    AvailabilityChanged,
    EventReceived,
    PointRemoved,
    Report,
    RequestFailed,
    VehicleLeft,
)
from tests.unit.recharge.samples import point, reservation
from tests.unit.recharge.simulator.fakes import FakeCharger

OCCUPIED = AvailabilityChanged(point(availability="ocupado"))
FREE = AvailabilityChanged(point())


class Reports:
    """Keeps what is reported, and waits for it."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Report] = asyncio.Queue()

    def report(self, report: Report) -> None:
        self._queue.put_nowait(report)

    async def next(self) -> Report:
        async with asyncio.timeout(10):
            return await self._queue.get()


def simulate(charger: FakeCharger, use: Callable[[SimulatedCharger, Reports], Awaitable[None]]) -> None:
    """Runs a charger with point 2 of station 3 while `use` runs."""

    async def run() -> None:
        reports = Reports()
        simulated = SimulatedCharger(
            cast(Charger, charger), 3, [point()], time_scale=1, report=reports.report, retry_seconds=0.01
        )
        running = asyncio.create_task(simulated.run())
        await use(simulated, reports)
        charger.received.put(None)
        await running

    asyncio.run(run())


def test_a_point_is_occupied_from_the_arrival_until_the_vehicle_leaves() -> None:
    charger = FakeCharger()
    booked = reservation(start=datetime.now(UTC))
    scheduled = Event("reservationScheduled", booked.start, booked)
    cancelled = Event("reservationCancelled", booked.start, booked)

    async def use(_: SimulatedCharger, reports: Reports) -> None:
        charger.received.put(scheduled)
        assert await reports.next() == EventReceived(scheduled)
        assert await reports.next() == OCCUPIED
        charger.received.put(cancelled)
        assert await reports.next() == VehicleLeft(booked)
        assert await reports.next() == FREE

    simulate(charger, use)


def test_a_reservation_that_was_made_before_the_start_counts() -> None:
    charger = FakeCharger()
    charger.scheduled = [reservation(start=datetime.now(UTC))]

    async def use(_: SimulatedCharger, reports: Reports) -> None:
        assert await reports.next() == OCCUPIED

    simulate(charger, use)


def test_events_of_other_stations_are_ignored() -> None:
    charger = FakeCharger()
    here = reservation(start=datetime.now(UTC))
    event = Event("reservationScheduled", here.start, here)

    async def use(_: SimulatedCharger, reports: Reports) -> None:
        charger.received.put(Event("reservationScheduled", here.start, reservation(station_id=4)))
        charger.received.put(event)
        assert await reports.next() == EventReceived(event)

    simulate(charger, use)


def test_a_point_out_of_order_is_occupied() -> None:
    async def use(simulated: SimulatedCharger, reports: Reports) -> None:
        assert not simulated.toggle_service(2)
        assert await reports.next() == OCCUPIED
        assert simulated.toggle_service(2)
        assert await reports.next() == FREE

    simulate(FakeCharger(), use)


def test_a_failed_change_is_reported_and_tried_again() -> None:
    charger = FakeCharger()
    charger.failure = Busy()

    async def use(simulated: SimulatedCharger, reports: Reports) -> None:
        simulated.toggle_service(2)
        assert await reports.next() == RequestFailed(charger_failure)
        assert await reports.next() == OCCUPIED

    charger_failure = charger.failure
    simulate(charger, use)


def test_a_point_that_the_network_no_longer_has_is_dropped() -> None:
    charger = FakeCharger()
    charger.failure = NotFound()

    async def use(simulated: SimulatedCharger, reports: Reports) -> None:
        simulated.toggle_service(2)
        assert await reports.next() == PointRemoved(2)
        assert simulated.points == {}

    simulate(charger, use)
