"""A station of the demo where a vehicle never comes, another stays too long, and a point fails.

Everything is planned in minutes of the network's time, from the first booking on. The station has three
points. Two more vehicles have booked behind those two, one of them flexible: the network moves them.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final, Protocol

import msgspec
from msgspec import Struct

from recharge.charger import Charger
from recharge.errors import Conflict, NotFound, OutcomeUnknown, RequestError
from recharge.records import Event, Reservation, Wishes
from recharge.simulator.charger import SimulatedCharger
from recharge.simulator.network_clock import NetworkClock
from recharge.simulator.observer import (
    Booked,
    ChargingRefused,
    EventReceived,
    NeverComes,
    Observer,
    PointFailed,
    PointRepaired,
    Report,
    RequestFailed,
    StaysLonger,
)
from recharge.simulator.registration import RegisteredStation, WantedStation, register
from recharge.simulator.visits import Visit, plan_visit
from recharge.vehicle import Vehicle

CHARGER: Final = "demo-charger-of-a-day"
ABSENT: Final = "demo-never-comes"
LINGERING: Final = "demo-stays-longer"
UNLUCKY: Final = "demo-at-the-failing-point"
NEXT: Final = "demo-next-in-line"
FLEXIBLE: Final = "demo-flexible"

AREA_KM: Final = 8.0
"""Greatest distance of the demo's stations and vehicles from the origin, in x and in y."""
_FAR_AWAY_KM: Final = 60.0
"""The station of the incidents is out of the reach of the demo's other vehicles."""
_POINTS: Final = 3
_POWER_KW: Final = 60
_MINUTES: Final = {LINGERING: 10, ABSENT: 60, UNLUCKY: 40, NEXT: 10, FLEXIBLE: 30}
"""How long each charges, in the order in which they book. At 60 kW, a minute is a kWh."""
_LONGER: Final = timedelta(minutes=25)
_FAILS_AFTER: Final = timedelta(minutes=2)
_REPAIRED_AFTER: Final = timedelta(minutes=40)
_AGAIN_AFTER: Final = timedelta(minutes=150)


class DemoObserver(Observer, Protocol):
    """Follows one participant of the demo."""

    def registered(self, station: RegisteredStation) -> None:
        """Called when a charger is online."""

    def failed(self, error: RequestError | OutcomeUnknown | ConnectionError) -> None:
        """Called when a vehicle could not charge; it tries again after a pause."""


class Cast(Struct, frozen=True):
    """Makes the participants, and says who follows them, by their names."""

    charger: Callable[[str], Charger]
    vehicle: Callable[[str], Vehicle]
    observe: Callable[[str], DemoObserver]


class Incidents:
    """Plays the incidents again and again, by the service's clock."""

    def __init__(self, cast: Cast, clock: NetworkClock, random: Random) -> None:
        self._cast = cast
        self._clock = clock
        self._observer = cast.observe(CHARGER)
        x, y = place(random)
        self._wanted = WantedStation(x + _FAR_AWAY_KM, y, points=_POINTS, power=_POWER_KW)

    async def run(self) -> None:
        """Runs until it is cancelled. Raises what Charger and Vehicle raise."""
        async with AsyncExitStack() as stack:
            charger = await stack.enter_async_context(self._cast.charger(CHARGER))
            vehicles = {name: await stack.enter_async_context(self._cast.vehicle(name)) for name in _MINUTES}
            registered = await register(charger, self._wanted)
            self._observer.registered(registered)
            await _make_ready(charger, registered)
            simulated = SimulatedCharger(
                charger,
                registered.station.station_id,
                registered.points,
                plan=self._plan,
                report=self._report,
            )
            async with _running(simulated):
                while True:
                    await self._play(simulated, registered, vehicles)

    async def _play(
        self,
        simulated: SimulatedCharger,
        registered: RegisteredStation,
        vehicles: dict[str, Vehicle],
    ) -> None:
        for vehicle in vehicles.values():
            await _cancel(vehicle)
        begun = datetime.now(UTC)
        booked = {name: await self._book(name, vehicles[name], registered) for name in _MINUTES}
        failing = booked[UNLUCKY].point_id
        await self._until(begun, _FAILS_AFTER)
        simulated.toggle_service(failing)
        await self._until(begun, _REPAIRED_AFTER)
        simulated.toggle_service(failing)
        await self._until(begun, _AGAIN_AFTER)

    async def _book(self, name: str, vehicle: Vehicle, registered: RegisteredStation) -> Reservation:
        station = registered.station
        wishes = Wishes(station_id=station.station_id, objective="earliest", flexible=name == FLEXIBLE)
        reservation = await vehicle.book(station.x, station.y, 0, _MINUTES[name], wishes)
        observer = self._cast.observe(name)
        observer.report(Booked(reservation, None, station))
        if name == ABSENT:
            observer.report(NeverComes())
        elif name == LINGERING:
            observer.report(StaysLonger(_LONGER / timedelta(minutes=1)))
        return reservation

    async def _until(self, begun: datetime, after: timedelta) -> None:
        moment = begun + after / self._clock.speed
        await asyncio.sleep(max(0.0, (moment - datetime.now(UTC)).total_seconds()))

    def _plan(self, reservation: Reservation, now: datetime) -> Visit | None:
        if reservation.vehicle_id == ABSENT:
            return None
        visit = plan_visit(reservation, now, self._clock.speed, self._clock)
        if reservation.vehicle_id == LINGERING:
            return msgspec.structs.replace(visit, ends=visit.ends + _LONGER / self._clock.speed)
        return visit

    def _report(self, report: Report) -> None:
        """Passes on what is out of the ordinary."""
        match report:
            case EventReceived(
                Event(type="reservationChanged" | "reservationCancelled" | "reservationNoShow")
            ):
                self._observer.report(report)
            case PointFailed() | PointRepaired() | ChargingRefused() | RequestFailed():
                self._observer.report(report)


async def _cancel(vehicle: Vehicle) -> None:
    """Cancels what is left of an earlier day: a vehicle with a reservation is only answered with that one."""
    earlier = await vehicle.reservation()
    if earlier is not None:
        with suppress(NotFound):
            await vehicle.cancel(earlier)


async def _make_ready(charger: Charger, registered: RegisteredStation) -> None:
    """Puts all points in order, and tells of a short session on each.

    Only a charger that tells of sessions lets the network notice that a vehicle does not come.
    """
    for point in registered.points:
        await charger.update_point(msgspec.structs.replace(point, availability="livre"), operational=True)
        with suppress(Conflict, NotFound):
            await charger.start_charging(point.station_id, point.point_id, hours=0.1)
            await charger.finish_charging(point.station_id, point.point_id)


@asynccontextmanager
async def _running(simulated: SimulatedCharger) -> AsyncIterator[None]:
    """Runs the charger while the block runs, and leaves its points in order and free."""
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(simulated.run())
        try:
            yield
        finally:
            running.cancel()
            await simulated.leave()


def place(random: Random) -> tuple[float, float]:
    """Draws a place in the demo's area."""
    return round(random.uniform(-AREA_KM, AREA_KM), 1), round(random.uniform(-AREA_KM, AREA_KM), 1)
