"""A scenario of `recharge simulate`, replayed over MQTT: the broker and the service are real processes.

The people, vehicles and chargers are those of the simulation. Each vehicle and each station's charger has an
account and a connection of its own, over the client library; a vehicle knows what its connection told it.
Virtual time moves in steps, for the service and here alike. After each, the replay waits until the vehicles
have heard what the service made of it. So what is due is heard a step later at most, on any machine.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack, suppress
from datetime import datetime, timedelta
from math import hypot
from pathlib import Path
from types import TracebackType
from typing import Final, Literal, Self, TypeAlias, TypeVar

from msgspec import Struct
from msgspec.structs import astuple

from cloud_service.core.changes import Event
from cloud_service.core.queue import MARGIN
from cloud_service.core.records import FREE, PointKey, Reservation
from cloud_service.mqtt.requester import Requester
from cloud_service.protocol import topics
from cloud_service.protocol.errors import NotFound, RequestError
from cloud_service.protocol.messages import Message
from cloud_service.simulation.figures import Figures, Stood
from cloud_service.simulation.policies import Policy
from cloud_service.simulation.scenario import Conditions, Place, Scenario, Trip
from cloud_service.simulation.world import World
from recharge import Charger, Point, Vehicle, Wishes, records
from tests.kit.processes import Stack
from tests.kit.stepped_clock import SteppedClock, with_stepped_clock
from tests.kit.waiting import DEADLINE, until

STEP: Final = timedelta(seconds=30)
INSTANT: Final = timedelta(milliseconds=1)
"""What people do at a moment happens this long before it: who leaves when the charge ends is not late."""
OUTAGE: Final = timedelta(minutes=1)
"""How long the service is away when it is restarted, in virtual time."""
OPERATOR: Final = "operator-replay"

_Result = TypeVar("_Result")
Ending: TypeAlias = Literal["SIGTERM", "SIGKILL"]


class Restart(Struct, frozen=True):
    """The service ends at this moment, and starts again."""

    at: datetime
    ending: Ending


class Replay(Struct, frozen=True):
    """What came of a replay. `stood` has the vehicles that found the point taken that they were last told."""

    figures: Figures
    stood: tuple[Stood, ...]
    events: Counter[tuple[str, str | None]]
    """How many events of each type and reason the vehicles were told."""
    restarts: int


def restarts_between(start: datetime, end: datetime, count: int) -> tuple[Restart, ...]:
    """Restarts in equal intervals, by turns clean ones and kills."""
    every = (end - start) / (count + 1)
    endings: tuple[Ending, Ending] = ("SIGTERM", "SIGKILL")
    return tuple(Restart(start + number * every, endings[number % 2]) for number in range(1, count + 1))


def replay(
    scenario: Scenario,
    policy: Policy,
    conditions: Conditions,
    folder: Path,
    restarts: tuple[Restart, ...] = (),
) -> Replay:
    """Replays a scenario to its end, and stops the network. The service goes by the policy's rules."""
    folder.mkdir(parents=True, exist_ok=True)
    begins = min([scenario.start, *(trip.at for trip in scenario.trips)]) - timedelta(hours=1)
    clock = SteppedClock.create(folder / "clock", begins)
    stack = Stack(folder, **_settings(policy, conditions))
    stack.service = with_stepped_clock(stack, folder / "clock")
    with stack, ReplayedService(stack, clock, policy, restarts) as service:
        service.set_up(scenario.places)
        world = World(scenario, service, conditions)
        figures = world.run()
    return Replay(figures, tuple(world.tally.stood), service.events, service.restarted)


def _settings(policy: Policy, conditions: Conditions) -> dict[str, str]:
    rules, minute = policy.rules(conditions), timedelta(minutes=1)
    return {
        "silent_session_hours": f"{rules.silence / timedelta(hours=1):g}",
        "no_show_minutes": f"{rules.no_show / minute:g}",
        "overrun_minutes": f"{rules.overrun / minute:g}",
        "failure_minutes": f"{rules.failure_ahead / minute:g}",
        "move_up_minutes": f"{rules.move_up / minute:g}",
    }


class ReplayedService:
    """A running service, as the people of a simulation use it: `with ReplayedService(...) as service:`."""

    def __init__(
        self, stack: Stack, clock: SteppedClock, policy: Policy, restarts: tuple[Restart, ...]
    ) -> None:
        self.events: Counter[tuple[str, str | None]] = Counter()
        self.restarted = 0
        self._stack = stack
        self._clock = clock
        self._policy = policy
        self._restarts = deque(restarts)
        self._runner = asyncio.Runner()
        self._open = AsyncExitStack()
        self._operator = Requester(
            stack.address,
            OPERATOR,
            subscriptions=[topics.event("+", "+")],
            on_message=self._note_sent,
        )
        self._chargers: dict[int, Charger] = {}
        self._places: dict[int, tuple[float, float]] = {}
        self._points: dict[PointKey, Point] = {}
        self._vehicles: dict[str, _Follower] = {}
        self._told: deque[Event] = deque()
        self._sent: Counter[str] = Counter()
        """By account, how many events were sent to it."""
        self._settled = True

    def __enter__(self) -> Self:
        self._runner.__enter__()
        self._runner.run(self._open.enter_async_context(self._operator))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._runner.run(self._open.aclose())
        self._runner.__exit__(kind, error, trace)

    def set_up(self, places: tuple[Place, ...]) -> None:
        """Registers the stations, each for a charger of its own, and lets them tell of a first session."""
        self._runner.run(self._set_up(places))

    async def _set_up(self, places: tuple[Place, ...]) -> None:
        for number, place in enumerate(places, 1):
            charger = Charger(f"charger-{number}", self._stack.address, timeout=DEADLINE)
            self._chargers[number] = await self._open.enter_async_context(charger)
            station = await charger.register_station(place.x, place.y)
            self._places[station.station_id] = float(place.x), float(place.y)
            for port in place.points:
                point = await charger.add_point(station.station_id, port.power, port.price)
                self._points[point.station_id, point.point_id] = point
                if self.takes_wishes:
                    await charger.start_charging(point.station_id, point.point_id)
                    await charger.finish_charging(point.station_id, point.point_id)
        assert list(self._places) == list(range(1, len(places) + 1))

    @property
    def takes_wishes(self) -> bool:
        return self._policy.objective is not None

    def advance(self, until: datetime) -> datetime:
        """Moves both clocks on by steps, until there is something to hear."""
        last = until - INSTANT
        while not self._told and self._clock.now < last:
            self._clock.now = min(last, self._clock.now + STEP)
            if self._restarts and self._restarts[0].at <= self._clock.now:
                self._restart(self._restarts.popleft())
            self._settle()
        return self._clock.now if self._told else max(until, self._clock.now)

    def place(self, station_id: int) -> tuple[float, float] | None:
        return self._places.get(station_id)

    def book(
        self, vehicle: str, place: tuple[float, float], trip: Trip, speed: float, now: datetime
    ) -> Reservation | None:
        return self._ask(self._book(vehicle, place, trip, speed, now))

    async def _book(
        self, name: str, place: tuple[float, float], trip: Trip, speed: float, now: datetime
    ) -> Reservation | None:
        follower = self._vehicles.get(name)
        if follower is None:
            follower = self._vehicles[name] = _Follower(name, self._stack)
            await self._open.enter_async_context(follower)
            follower.begin(self._tell)
        if self._policy.objective is None:
            wishes = await self._as_the_seed_did(place)
        else:
            wishes = Wishes(
                objective=self._policy.objective,
                speed=speed,
                flexible=self._policy.flexible,
                not_before=max(now, trip.wanted),
            )
        try:
            return _of_core(await follower.vehicle.book(*place, 0, trip.energy, wishes))
        except NotFound:
            return None

    async def _as_the_seed_did(self, place: tuple[float, float]) -> Wishes:
        """The nearest station, there the point with the fewest reservations, and behind the last of them."""
        station = min(self._places, key=lambda number: (_distance(self._places[number], place), number))
        queues: dict[int, list[datetime]] = {
            point_id: [] for station_id, point_id in self._points if station_id == station
        }
        for each in await self._chargers[station].reservations(station):
            queues[each.point_id].append(each.finish)
        point = min(queues, key=lambda number: (len(queues[number]), number))
        behind = max(queues[point], default=None)
        return Wishes(
            station_id=station, point_id=point, not_before=None if behind is None else behind + MARGIN
        )

    def cancel(self, vehicle: str, now: datetime) -> None:
        self._ask(self._cancel(self._vehicles[vehicle].vehicle))

    async def _cancel(self, vehicle: Vehicle) -> None:
        known = await vehicle.reservation()
        if known is not None:
            await vehicle.cancel(known)

    def begin(self, vehicle: str, key: PointKey, now: datetime) -> bool:
        if not self.takes_wishes:
            return True
        try:
            self._ask(self._chargers[key[0]].start_charging(*key, vehicle))
        except RequestError:
            return False
        return True

    def finish(self, vehicle: str, key: PointKey, energy: float, now: datetime) -> None:
        if self.takes_wishes:
            with suppress(NotFound):
                self._ask(self._chargers[key[0]].finish_charging(*key, energy))

    def tell_operational(self, key: PointKey, operational: bool, now: datetime) -> None:
        if self._policy.moves:
            point = self._points[key]
            assert point.availability == FREE
            self._ask(self._chargers[key[0]].update_point(point, operational=operational))

    def take_events(self) -> Iterator[Event]:
        if not self._settled:
            self._settle()
        while self._told:
            yield self._told.popleft()

    def _ask(self, request: Coroutine[object, object, _Result]) -> _Result:
        self._settled = False
        return self._runner.run(request)

    def _settle(self) -> None:
        """Waits until the vehicles know of everything that the service has decided by now.

        The service makes what is due before it answers, and sends events before it takes further requests.
        So when the second request is answered, the broker has all events.
        """
        self._settled = True
        self._runner.run(self._hear_all())

    async def _hear_all(self) -> None:
        for _ in range(2):
            await self._operator.request("receiveAllReservations", {"chargingStationID": 1}, timeout=DEADLINE)
        async with asyncio.timeout(DEADLINE):
            await until(lambda: all(each.heard >= self._sent[name] for name, each in self._vehicles.items()))

    def _note_sent(self, message: Message) -> None:
        *_, account, _type = message.topic.split("/")
        self._sent[account] += 1

    def _tell(self, event: records.Event) -> None:
        told = Event(
            event.type,
            event.at,
            event.reason,  # type: ignore[arg-type]  # the library takes reasons of later services too
            _of_core(event.reservation),
            owner="",
            before=None if event.before is None else _of_core(event.before),
        )
        self.events[event.type, event.reason] += 1
        self._told.append(told)

    def _restart(self, restart: Restart) -> None:
        """Ends the service and starts it again. The next requests are sent while it starts."""
        if restart.ending == "SIGTERM":
            assert self._stack.service.stop() == 0
        else:
            self._stack.service.kill()
        self._clock.now += OUTAGE
        self._stack.service.start()
        self.restarted += 1


class _Follower:
    """A vehicle's connection, and how many events it has received: `async with _Follower(...)`."""

    def __init__(self, name: str, stack: Stack) -> None:
        self.vehicle = Vehicle(name, stack.address, timeout=DEADLINE)
        self.heard = 0
        self._known: set[tuple[object, ...]] = set()
        self._following: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.vehicle.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.vehicle.__aexit__(kind, error, trace)
        if self._following is not None:
            await self._following

    def begin(self, tell: Callable[[records.Event], None]) -> None:
        self._following = asyncio.create_task(self._follow(tell))

    async def _follow(self, tell: Callable[[records.Event], None]) -> None:
        """After a crash of the service, events may come again."""
        async for event in self.vehicle.events():
            self.heard += 1
            identity = event.type, event.at, event.reservation.key
            if identity not in self._known:
                self._known.add(identity)
                tell(event)


def _of_core(reservation: records.Reservation) -> Reservation:
    *fields, state = astuple(reservation)
    return Reservation(*fields, legacy=False, state=state)


def _distance(one: tuple[float, float], other: tuple[float, float]) -> float:
    return hypot(one[0] - other[0], one[1] - other[1])
