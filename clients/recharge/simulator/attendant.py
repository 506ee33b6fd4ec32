"""A station's attendant: follows its events, and says which of its points are occupied and which are free."""

import asyncio
import logging
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Final

import msgspec

from cloud_service.mqtt.requester import OutcomeUnknown
from cloud_service.protocol.errors import NotFound, RequestError
from recharge.charger import Charger
from recharge.language import Language
from recharge.records import Availability, Event, Point, Reservation
from recharge.simulator.visits import Visit, next_change, occupied, visit

log = logging.getLogger(__name__)

RESYNC: Final = 120.0
"""Seconds between two looks at the list of reservations: events are missed while the connection is away."""
AGAIN: Final = 5.0
"""Seconds after which a change that failed is tried again."""


class Attendant:
    """Of one station. `tell` is given a line for each thing that happens; `points` are the station's."""

    def __init__(
        self,
        charger: Charger,
        points: Iterable[Point],
        *,
        time_scale: float,
        tell: Callable[[str], None],
        say: Language,
    ) -> None:
        self.points = {point.point_id: _without_reservations(point) for point in points}
        self.out_of_order: set[int] = set()
        self._charger = charger
        self._time_scale = time_scale
        self._tell = tell
        self._say = say
        self._visits: dict[tuple[int, int, int], Visit] = {}
        self._changed = asyncio.Event()

    async def run(self, station_id: int) -> None:
        """Until it is cancelled or the connection is closed."""
        await self._look(station_id)
        async with asyncio.TaskGroup() as tasks:
            others = [tasks.create_task(self._resync(station_id)), tasks.create_task(self._keep_points())]
            async for event in self._charger.events():
                if event.reservation.station_id == station_id:
                    self._note(event)
            for task in others:
                task.cancel()

    async def update(self, point: Point) -> None:
        """Changes a point by hand. Raises what Charger's methods raise."""
        self.points[point.point_id] = await self._charger.update_point(point)

    def switch(self, point_id: int) -> bool:
        """Puts a point out of order, or back in order. Whether it is in order now."""
        self.out_of_order ^= {point_id}
        self._changed.set()
        return point_id not in self.out_of_order

    def _note(self, event: Event) -> None:
        reservation = event.reservation
        text = _EVENTS[event.type]
        if event.type == "reservationScheduled":
            self._visits.setdefault(reservation.key, self._expect(reservation))
        elif event.type in ("reservationCancelled", "reservationFinished"):
            known = self._visits.pop(reservation.key, None)
            if known is not None and known.begins <= datetime.now(UTC):
                text = "{vehicle} has left point {point}"
        self._tell(self._describe(text, reservation))
        self._changed.set()

    def _expect(self, reservation: Reservation) -> Visit:
        return visit(reservation, datetime.now(UTC), self._time_scale)

    async def _resync(self, station_id: int) -> None:
        while True:
            await asyncio.sleep(RESYNC)
            await self._look(station_id)

    async def _look(self, station_id: int) -> None:
        known = set(self._visits)
        try:
            scheduled = {found.key: found for found in await self._charger.reservations(station_id)}
        except (RequestError, OutcomeUnknown) as error:
            log.warning("the reservations of station %s could not be listed: %s", station_id, error)
            return
        for key in known - scheduled.keys():
            self._visits.pop(key, None)
        for key, reservation in scheduled.items():
            self._visits.setdefault(key, self._expect(reservation))
        self._changed.set()

    async def _keep_points(self) -> None:
        while True:
            self._changed.clear()
            now = datetime.now(UTC)
            done = await self._say_which(occupied(self._visits.values(), now) | self.out_of_order)
            change = next_change(self._visits.values(), now)
            wait = None if change is None else max(0.0, (change - datetime.now(UTC)).total_seconds())
            try:
                async with asyncio.timeout(wait if done else AGAIN):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _say_which(self, occupied_points: set[int]) -> bool:
        """Tells the service what changed. False where it did not take it."""
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
            self._tell(self._say("Point {point} is no longer registered", point=point.point_id))
            return True
        except (RequestError, OutcomeUnknown) as error:
            log.warning("point %s could not be changed: %s", point.point_id, error)
            return False
        text = "Point {point} is occupied" if point.availability == "ocupado" else "Point {point} is free"
        self._tell(self._say(text, point=point.point_id))
        return True

    def _describe(self, text: str, reservation: Reservation) -> str:
        return self._say(
            text,
            point=reservation.point_id,
            vehicle=reservation.vehicle_id,
            start=self._say.time(reservation.start),
            finish=self._say.time(reservation.finish),
        )


def _without_reservations(point: Point) -> Point:
    """The point as its charger sees it: that it is reserved is the service's business."""
    return (
        msgspec.structs.replace(point, availability="livre") if point.availability == "reservado" else point
    )


_EVENTS: Final = {
    "reservationScheduled": "Point {point} is reserved for {vehicle}, {start} to {finish}",
    "reservationChanged": "The reservation of {vehicle} on point {point} was changed",
    "reservationCancelled": "The reservation of {vehicle} on point {point} was cancelled",
    "reservationFinished": "The reservation of {vehicle} on point {point} is over",
}
