"""A simulated charger: follows its station's events, and tells when vehicles come and go, and points fail."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Final, TypeAlias

import msgspec

from recharge.charger import Charger
from recharge.errors import Conflict, NotFound, OutcomeUnknown, RequestError
from recharge.records import Availability, Event, Point, Reservation
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
from recharge.simulator.visits import Visit, next_change, present

REFRESH_SECONDS: Final = 120.0
"""Time between two lists of the reservations, since a lost connection misses events."""

LEAVE_SECONDS: Final = 2.0

Plan: TypeAlias = Callable[[Reservation, datetime], Visit | None]
"""From a reservation and the present moment to the visit of its vehicle; None if it does not come."""


class SimulatedCharger:
    """Runs one station of a connected Charger. `report` is called with what happens.

    Vehicles come and go as `plan` says. A change that failed is tried again after `retry_seconds`.
    """

    def __init__(
        self,
        charger: Charger,
        station_id: int,
        points: Iterable[Point],
        *,
        plan: Plan,
        report: Callable[[Report], None],
        retry_seconds: float = 5.0,
    ) -> None:
        self.points = {point.point_id: _without_reservation(point) for point in points}
        self._charger = charger
        self._station_id = station_id
        self._report = report
        self._plan = plan
        self._retry_seconds = retry_seconds
        self._visits: dict[tuple[int, int, int], Visit] = {}
        self._failing: set[int] = set()
        """Points that are out of order."""
        self._told_failing: set[int] = set()
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Runs until it is cancelled or the connection is closed."""
        await self._refresh()
        async with asyncio.TaskGroup() as tasks:
            others = [tasks.create_task(self._keep_refreshing()), tasks.create_task(self._keep_points())]
            async for event in self._charger.events():
                if self._station_id in (event.reservation.station_id, event.key_before[0]):
                    self._receive(event)
            for task in others:
                task.cancel()

    async def update(self, point: Point) -> None:
        """Changes a point. Raises what Charger.update_point raises."""
        self.points[point.point_id] = await self._charger.update_point(point)

    def toggle_service(self, point_id: int) -> bool:
        """Takes a point out of service, or puts it back in. Returns whether it is in service now."""
        self._failing ^= {point_id}
        self._changed.set()
        return point_id not in self._failing

    async def leave(self) -> None:
        """Ends all sessions and puts all points in order: afterwards nobody would tell that they end.

        What fails within a moment is left.
        """
        self._failing.clear()
        self._report = _nobody_hears
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(LEAVE_SECONDS):
                await self._tell({})

    def _receive(self, event: Event) -> None:
        report: Report = EventReceived(event)
        if event.type in ("reservationScheduled", "reservationChanged"):
            if event.before is not None:
                self._visits.pop(event.before.key, None)
            self._expect(event.reservation)
        elif event.reason != "timePassed":  # a vehicle may stay longer than its reservation
            visit = self._visits.pop(event.reservation.key, None)
            if visit is not None and visit.begins <= datetime.now(UTC):
                report = VehicleLeft(event.reservation)
        self._report(report)
        self._changed.set()

    def _expect(self, reservation: Reservation) -> None:
        if reservation.station_id != self._station_id or reservation.key in self._visits:
            return
        visit = self._plan(reservation, datetime.now(UTC))
        if visit is not None:
            self._visits[reservation.key] = visit

    async def _keep_refreshing(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            await self._refresh()

    async def _refresh(self) -> None:
        known = set(self._visits)
        try:
            scheduled = {found.key: found for found in await self._charger.reservations(self._station_id)}
        except (RequestError, OutcomeUnknown) as error:
            self._report(RequestFailed(error))
            return
        now = datetime.now(UTC)
        for key in known - scheduled.keys():
            if not self._visits[key].begins <= now < self._visits[key].ends:
                del self._visits[key]
        for reservation in scheduled.values():
            self._expect(reservation)
        self._changed.set()

    async def _keep_points(self) -> None:
        while True:
            self._changed.clear()
            now = datetime.now(UTC)
            done = await self._tell(present(self._visits.values(), now))
            change = next_change(self._visits.values(), now)
            wait = None if change is None else max(0.0, (change - datetime.now(UTC)).total_seconds())
            try:
                async with asyncio.timeout(wait if done else self._retry_seconds):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _tell(self, visits: dict[int, Visit]) -> bool:
        """Tells the service what has changed at the points. Returns False when something failed."""
        done = True
        for point_id in list(self.points):
            try:
                await self._tell_of_failure(self.points[point_id])
                await self._tell_of_session(self.points[point_id], visits.get(point_id))
            except NotFound:
                del self.points[point_id]
                self._report(PointRemoved(point_id))
            except (RequestError, OutcomeUnknown) as error:
                self._report(RequestFailed(error))
                done = False
        return done

    async def _tell_of_failure(self, point: Point) -> None:
        fails = point.point_id in self._failing
        if fails == (point.point_id in self._told_failing):
            return
        await self._charger.update_point(point, operational=not fails)
        self._told_failing ^= {point.point_id}
        self._report(PointFailed(point) if fails else PointRepaired(point))

    async def _tell_of_session(self, point: Point, visit: Visit | None) -> None:
        if visit is not None and point.availability != "ocupado":
            await self._begin(point, visit)
        elif visit is None and point.availability == "ocupado":
            await self._finish(point)

    async def _begin(self, point: Point, visit: Visit) -> None:
        try:
            await self._charger.start_charging(self._station_id, point.point_id, visit.vehicle_id)
        except Conflict as error:
            del self._visits[visit.key]
            self._report(ChargingRefused(visit.vehicle_id, point.point_id, error))
        else:
            self._note(point, "ocupado")
            self._report(PointOccupied(point.point_id, visit.vehicle_id))

    async def _finish(self, point: Point) -> None:
        try:
            await self._charger.finish_charging(self._station_id, point.point_id)
        except NotFound:  # the service has ended the session, or there was none: the point may still be there
            await self._charger.update_point(msgspec.structs.replace(point, availability="livre"))
        self._note(point, "livre")
        self._report(PointFreed(point.point_id))

    def _note(self, point: Point, availability: Availability) -> None:
        """Notes what the point is after a session has begun or ended, so that no update says otherwise."""
        self.points[point.point_id] = msgspec.structs.replace(
            self.points[point.point_id], availability=availability
        )


def _without_reservation(point: Point) -> Point:
    """Removes `reservado`, which the service keeps track of; the charger sees free and occupied points."""
    return (
        msgspec.structs.replace(point, availability="livre") if point.availability == "reservado" else point
    )


def _nobody_hears(_report: Report) -> None:
    """The end of a charger has its own words."""
