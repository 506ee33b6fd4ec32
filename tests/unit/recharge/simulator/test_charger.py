"""What a simulated charger tells the network and reports."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import cast

from msgspec.structs import replace

from recharge import Busy, Charger, Conflict, Event, NotFound
from recharge.simulator.charger import Plan, SimulatedCharger
from recharge.simulator.observer import (
    ChargingRefused,
    EventReceived,
    PointFailed,
    PointFreed,
    PointOccupied,
    PointRemoved,
    PointRepaired,
    Report,
    RequestFailed,
    VehicleLeft,
)
from recharge.simulator.vehicle import Pace
from tests.unit.recharge.samples import START, moved, point, reservation
from tests.unit.recharge.simulator.fakes import FakeCharger

AS_BOOKED = Pace(time_scale=1).plan
OCCUPIED = PointOccupied(2, "ana")
FREE = PointFreed(2)


class Reports:
    """Keeps what is reported, and waits for it."""

    def __init__(self) -> None:
        self._queue: asyncio.Queue[Report] = asyncio.Queue()

    def report(self, report: Report) -> None:
        self._queue.put_nowait(report)

    async def next(self) -> Report:
        async with asyncio.timeout(10):
            return await self._queue.get()


def simulate(
    charger: FakeCharger,
    use: Callable[[SimulatedCharger, Reports], Awaitable[None]],
    plan: Plan = AS_BOOKED,
) -> None:
    """Runs a charger with point 2 of station 3 while `use` runs."""

    async def run() -> None:
        reports = Reports()
        simulated = SimulatedCharger(
            cast(Charger, charger),
            3,
            [point()],
            plan=plan,
            report=reports.report,
            retry_seconds=0.01,
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


def test_the_network_is_told_that_a_point_is_out_of_order() -> None:
    charger = FakeCharger()

    async def use(simulated: SimulatedCharger, reports: Reports) -> None:
        assert not simulated.toggle_service(2)
        assert await reports.next() == PointFailed(point())
        assert simulated.toggle_service(2)
        assert await reports.next() == PointRepaired(point())

    simulate(charger, use)
    assert charger.told == [("operational", False), ("operational", True)]


def test_a_failed_change_is_reported_and_tried_again() -> None:
    charger = FakeCharger()
    charger.failure = Busy()

    async def use(simulated: SimulatedCharger, reports: Reports) -> None:
        simulated.toggle_service(2)
        assert await reports.next() == RequestFailed(charger_failure)
        assert await reports.next() == PointFailed(point())

    charger_failure = charger.failure
    simulate(charger, use)


def test_a_vehicle_that_may_not_charge_is_sent_away() -> None:
    charger = FakeCharger()
    charger.scheduled = [reservation(start=datetime.now(UTC))]
    charger.failure = refusal = Conflict("a session is under way")

    async def use(_: SimulatedCharger, reports: Reports) -> None:
        assert await reports.next() == ChargingRefused("ana", 2, refusal)

    simulate(charger, use)
    assert charger.told == []


def test_a_session_that_the_service_has_ended_leaves_a_free_point() -> None:
    charger = FakeCharger()
    booked = reservation(start=datetime.now(UTC))
    charger.scheduled = [booked]

    async def use(_: SimulatedCharger, reports: Reports) -> None:
        assert await reports.next() == OCCUPIED
        charger.failure = NotFound("no session is under way")
        charger.received.put(Event("reservationFinished", START, booked, "vehicleLeft"))
        assert await reports.next() == VehicleLeft(booked)
        assert await reports.next() == FREE

    simulate(charger, use)
    assert charger.kept[3, 2].availability == "livre"


def test_a_vehicle_stays_when_the_time_of_its_reservation_is_over() -> None:
    charger = FakeCharger()
    booked = reservation(start=datetime.now(UTC))
    charger.scheduled = [booked]
    over = Event("reservationFinished", START, booked, "timePassed")

    async def use(_: SimulatedCharger, reports: Reports) -> None:
        assert await reports.next() == OCCUPIED
        charger.received.put(over)
        assert await reports.next() == EventReceived(over)
        charger.received.put(Event("reservationFinished", START, booked, "vehicleLeft"))
        assert await reports.next() == VehicleLeft(booked)

    simulate(charger, use)


def test_a_vehicle_comes_where_its_reservation_has_moved() -> None:
    charger = FakeCharger()
    elsewhere = replace(reservation(start=datetime.now(UTC)), point_id=4)
    event = Event("reservationChanged", START, replace(elsewhere, point_id=2), "movedUp", elsewhere)

    async def use(_: SimulatedCharger, reports: Reports) -> None:
        charger.received.put(event)
        assert await reports.next() == EventReceived(event)
        assert await reports.next() == OCCUPIED
        charger.received.put(moved(event.reservation))
        assert await reports.next() == EventReceived(moved(event.reservation))
        assert await reports.next() == FREE

    simulate(charger, use)
    assert charger.told == [("start", "ana"), ("finish", 2)]


def test_a_charger_that_leaves_ends_its_sessions_and_leaves_its_points_in_order() -> None:
    charger = FakeCharger()
    charger.scheduled = [reservation(start=datetime.now(UTC))]

    async def use(simulated: SimulatedCharger, reports: Reports) -> None:
        assert await reports.next() == OCCUPIED
        simulated.toggle_service(2)
        assert isinstance(await reports.next(), PointFailed)
        await simulated.leave()

    simulate(charger, use)
    assert charger.told == [("start", "ana"), ("operational", False), ("operational", True), ("finish", 2)]


def test_a_vehicle_that_does_not_come_begins_nothing() -> None:
    charger = FakeCharger()
    charger.scheduled = [reservation(start=datetime.now(UTC))]
    missed = Event("reservationNoShow", START, charger.scheduled[0], "noShow")

    async def use(_: SimulatedCharger, reports: Reports) -> None:
        charger.received.put(missed)
        assert await reports.next() == EventReceived(missed)

    simulate(charger, use, plan=lambda reservation, now: None)
    assert charger.told == []


def test_a_point_that_the_network_no_longer_has_is_dropped() -> None:
    charger = FakeCharger()
    charger.failure = NotFound()

    async def use(simulated: SimulatedCharger, reports: Reports) -> None:
        simulated.toggle_service(2)
        assert await reports.next() == PointRemoved(2)
        assert simulated.points == {}

    simulate(charger, use)
