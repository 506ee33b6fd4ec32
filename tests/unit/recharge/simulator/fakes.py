"""A charger, a vehicle and an observer in memory."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from recharge import KEEP, Connector, Event, Offer, Point, RequestError, Reservation, Station, Wishes
from recharge.records import Described, Operational
from recharge.simulator.car import Car
from recharge.simulator.observer import Progress, Question, Report
from tests.unit.recharge.samples import OFFER, reservation

STATION = Station(3, 1, 1)


class RecordingObserver:
    """Keeps the reports, and agrees to the questions that are not in `declined`."""

    def __init__(self, *declined: Question) -> None:
        self.reports: list[Report] = []
        self.asked: list[Question] = []
        self._declined = declined

    def report(self, report: Report) -> None:
        self.reports.append(report)

    def progress(self, progress: Progress) -> None: ...

    async def agrees(self, question: Question, car: Car) -> bool:
        self.asked.append(question)
        return question not in self._declined


class _Events:
    def __init__(self) -> None:
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue()

    def put(self, event: Event | None) -> None:
        self._queue.put_nowait(event)

    async def read(self) -> AsyncIterator[Event]:
        while (event := await self._queue.get()) is not None:
            yield event


class FakeVehicle:
    """Books a charge that starts now, at STATION, which may move."""

    name = "ana"

    def __init__(self) -> None:
        self.booked: list[Reservation] = []
        self.cancelled: list[Reservation] = []
        self.found: Reservation | None = None
        self.retained = STATION
        self.received = _Events()
        self.wished: list[Wishes | None] = []
        self.told = False
        """Whether a test has put its event."""

    async def quote(
        self, x: float, y: float, battery: float, capacity: float, wishes: Wishes | None = None
    ) -> list[Offer]:
        return [OFFER]

    async def book(
        self, x: float, y: float, battery: float, capacity: float, wishes: Wishes | None = None
    ) -> Reservation:
        self.wished.append(wishes)
        self.booked.append(reservation(len(self.booked) + 1, start=datetime.now(UTC)))
        return self.booked[-1]

    async def reservation(self) -> Reservation | None:
        return self.found

    async def cancel(self, cancelled: Reservation) -> None:
        self.cancelled.append(cancelled)

    async def station(self, station_id: int) -> Station:
        return self.retained

    def events(self) -> AsyncIterator[Event]:
        return self.received.read()


class FakeCharger:
    """Keeps stations and points in memory, and what it is told of them.

    `failure` is raised by the next change of a point.
    """

    def __init__(self) -> None:
        self.stations: dict[int, Station] = {}
        self.kept: dict[tuple[int, int], Point] = {}
        self.scheduled: list[Reservation] = []
        self.failure: RequestError | None = None
        self.told: list[tuple[str, object]] = []
        self.received = _Events()

    async def register_station(
        self, x: float, y: float, *, name: Described = KEEP, address: Described = KEEP
    ) -> Station:
        for station in self.stations.values():
            if (station.x, station.y) == (x, y):
                return station
        station = Station(len(self.stations) + 1, x, y, name or None, address or None)
        self.stations[station.station_id] = station
        return station

    async def move_station(
        self, station_id: int, x: float, y: float, *, name: Described = KEEP, address: Described = KEEP
    ) -> Station:
        self.stations[station_id] = Station(station_id, x, y, name or None, address or None)
        return self.stations[station_id]

    async def points(self, station_id: int) -> list[Point]:
        return [point for point in self.kept.values() if point.station_id == station_id]

    async def add_point(
        self, station_id: int, power: float, kwh_price: float, *, connector: Connector | None = None
    ) -> Point:
        point = Point(len(self.kept) + 1, station_id, power, kwh_price, "livre", connector)
        self.kept[station_id, point.point_id] = point
        return point

    async def update_point(self, point: Point, *, operational: Operational = KEEP) -> Point:
        self._fail()
        if operational is not KEEP:
            self.told.append(("operational", operational))
        self.kept[point.station_id, point.point_id] = point
        return point

    async def start_charging(self, station_id: int, point_id: int, vehicle: int | str) -> None:
        self._fail()
        self.told.append(("start", vehicle))

    async def finish_charging(self, station_id: int, point_id: int) -> None:
        self._fail()
        self.told.append(("finish", point_id))

    def _fail(self) -> None:
        if self.failure is not None:
            failure, self.failure = self.failure, None
            raise failure

    async def reservations(self, station_id: int) -> list[Reservation]:
        return self.scheduled

    def events(self) -> AsyncIterator[Event]:
        return self.received.read()
