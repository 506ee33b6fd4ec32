"""A simulated charger: follows its station's events and keeps the availability of the points up to date."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

import msgspec

from recharge.charger import Charger
from recharge.errors import NotFound, OutcomeUnknown, RequestError
from recharge.records import Availability, Event, Point, Reservation
from recharge.simulator.observer import (
    AvailabilityChanged,
    EventReceived,
    PointRemoved,
    Report,
    RequestFailed,
    VehicleLeft,
)
from recharge.simulator.visits import Visit, next_change, occupied, plan_visit

REFRESH_SECONDS: Final = 120.0
"""Time between two lists of the reservations, since a lost connection misses events."""


class SimulatedCharger:
    """Runs one station of a connected Charger. `report` is called with what happens.

    A change that failed is tried again after `retry_seconds`.
    """

    def __init__(
        self,
        charger: Charger,
        station_id: int,
        points: Iterable[Point],
        *,
        time_scale: float,
        report: Callable[[Report], None],
        retry_seconds: float = 5.0,
    ) -> None:
        self.points = {point.point_id: _without_reservation(point) for point in points}
        self._out_of_service: set[int] = set()
        self._charger = charger
        self._station_id = station_id
        self._time_scale = time_scale
        self._report = report
        self._retry_seconds = retry_seconds
        self._visits: dict[tuple[int, int, int], Visit] = {}
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Runs until it is cancelled or the connection is closed."""
        await self._refresh()
        async with asyncio.TaskGroup() as tasks:
            others = [tasks.create_task(self._keep_refreshing()), tasks.create_task(self._keep_points())]
            async for event in self._charger.events():
                if event.reservation.station_id == self._station_id:
                    self._receive(event)
            for task in others:
                task.cancel()

    async def update(self, point: Point) -> None:
        """Changes a point. Raises what Charger.update_point raises."""
        self.points[point.point_id] = await self._charger.update_point(point)

    def toggle_service(self, point_id: int) -> bool:
        """Takes a point out of service, or puts it back in. Returns whether it is in service now."""
        self._out_of_service ^= {point_id}
        self._changed.set()
        return point_id not in self._out_of_service

    def _receive(self, event: Event) -> None:
        reservation = event.reservation
        report: Report = EventReceived(event)
        if event.type == "reservationScheduled":
            self._expect(reservation)
        elif event.type in ("reservationCancelled", "reservationFinished"):
            visit = self._visits.pop(reservation.key, None)
            if visit is not None and visit.begins <= datetime.now(UTC):
                report = VehicleLeft(reservation)
        self._report(report)
        self._changed.set()

    def _expect(self, reservation: Reservation) -> None:
        self._visits.setdefault(reservation.key, plan_visit(reservation, datetime.now(UTC), self._time_scale))

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
        for key in known - scheduled.keys():
            self._visits.pop(key, None)
        for reservation in scheduled.values():
            self._expect(reservation)
        self._changed.set()

    async def _keep_points(self) -> None:
        while True:
            self._changed.clear()
            now = datetime.now(UTC)
            done = await self._update_availability(
                occupied(self._visits.values(), now) | self._out_of_service
            )
            change = next_change(self._visits.values(), now)
            wait = None if change is None else max(0.0, (change - datetime.now(UTC)).total_seconds())
            try:
                async with asyncio.timeout(wait if done else self._retry_seconds):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _update_availability(self, occupied_points: set[int]) -> bool:
        """Tells the service which points changed. Returns False when a change failed."""
        done = True
        for point in list(self.points.values()):
            wanted: Availability = "ocupado" if point.point_id in occupied_points else "livre"
            if point.availability != wanted:
                done &= await self._change(msgspec.structs.replace(point, availability=wanted))
        return done

    async def _change(self, point: Point) -> bool:
        try:
            await self.update(point)
        except NotFound:
            del self.points[point.point_id]
            self._report(PointRemoved(point.point_id))
        except (RequestError, OutcomeUnknown) as error:
            self._report(RequestFailed(error))
            return False
        else:
            self._report(AvailabilityChanged(point))
        return True


def _without_reservation(point: Point) -> Point:
    """Removes `reservado`, which the service keeps track of; the charger sees free and occupied points."""
    return (
        msgspec.structs.replace(point, availability="livre") if point.availability == "reservado" else point
    )
