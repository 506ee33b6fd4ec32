"""A small network that keeps running while things go wrong: each of its clients knows what it was promised.

A vehicle books, looks, cancels; a charger changes its points, adds some and deletes some. In a FastStack
there are also sites and drivers: reservations begin, are missed, overrun and move.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AsyncExitStack, contextmanager
from random import Random
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.mqtt.requester import Requester
from cloud_service.mqtt.version import Protocol
from tests.faults.bookings import Booking, bookings
from tests.faults.drivers import Driver, Notes, Row, Site
from tests.faults.fast_time import NO_SHOW, FastSharedStack, FastStack
from tests.faults.listener import Listener, expected_by_clients
from tests.faults.participants import Charger, Vehicle
from tests.faults.recorder import Call, Client, LegacyClient, MQTTClient, Record
from tests.faults.stories import Stories
from tests.kit.processes import Stack
from tests.kit.shared_stack import SharedStack
from tests.kit.waiting import until, wait_until

PATIENCE = 60.0
"""Seconds within which each client has an answer, once nothing goes wrong any more."""

SITES = 2
DRIVERS = 6
HAPPENINGS = frozenset({"noShow", "overrun", "pointFailed", "movedUp", "chargingFinished", "timePassed"})
"""Reasons that events of a load with drivers give. A load without one of them proves nothing about it."""

EVENTS = 10.0
"""Seconds that events have to come in after all replies."""
EVENTS_OF_SEVERAL = 60.0
"""The same for several services: each tells of a vehicle only after the others have told what came before."""


class Load:
    """Chargers and vehicles in a thread of their own: `with Load(stack, seed) as load:`, and things go wrong.

    On leaving, everything must work again: the clients look once more, each answered change is asked for
    a second time under its ID, all events are heard, and only then the record is complete. `gateway_killed`
    says that replies over TCP may be cut, `broker_killed` that events may be lost with the broker's memory.
    Where there are several brokers, events are heard at each of `heard_at`. What is in `self.record` is of
    the vehicles and chargers that know what they were promised.
    """

    def __init__(
        self,
        stack: Stack,
        seed: int = 0,
        *,
        chargers: int = 2,
        vehicles: int = 5,
        legacy: int = 2,
        pause: float = 0.02,
        gateway_killed: bool = False,
        broker_killed: bool = False,
        heard_at: Sequence[BrokerAddress] = (),
    ) -> None:
        self.record = Record()
        self.violations: list[str] = []
        self.given_up = False
        self.vehicles: list[Vehicle] = []
        self.chargers: list[Charger] = []
        self.sites: list[Site] = []
        self.drivers: list[Driver] = []
        self.notes = Notes()
        """Of sites and drivers."""
        self.happened: Counter[str] = Counter()
        """How many events gave which reason, after a check."""
        self.repeated = 0
        """Changes that were asked for a second time."""
        self._stack = stack
        self._is_shared = isinstance(stack, SharedStack)
        self._random = Random(seed)
        self._counts = chargers, vehicles, legacy
        self._pause = pause
        self.listener = Listener()
        self.loses_events = broker_killed
        self.hears_in_order = not broker_killed and not heard_at
        """Whether events are heard in their order: two brokers may be out of step."""
        self._heard_at = heard_at or (stack.address,)
        self._hearing: list[AsyncConnection] = []
        self._gateway_killed = gateway_killed
        self._rest = Event()
        self._resting = 0
        self._ready = Event()
        self._stop = Event()
        self._error: BaseException | None = None
        self._thread = Thread(target=self._run, name="load")

    def expect(self, holds: bool, violation: str) -> bool:
        if not holds:
            self.violations.append(violation)
        return holds

    async def settled(self, client: Client, action: str, values: dict[str, Any]) -> Call:
        """A change. Most clients ask again under the same ID until they know; some give up."""
        call = await client.ask(action, values)
        while call.outcome == "unknown" and isinstance(client, MQTTClient) and not self.given_up:
            if self._random.random() < 0.2:
                break
            again = await client.ask_again(call)
            if again.outcome != "unknown":
                call.outcome, call.result, call.finished = again.outcome, again.result, again.finished
        return call

    @property
    def hears_all(self) -> bool:
        """Whether events are heard at each broker."""
        return all(connection.connected for connection in self._hearing)

    def stories(self, told: Iterable[Row]) -> Stories:
        """What these events tell. Several services tell events of one vehicle in order, and no more."""
        return Stories(told, NO_SHOW, by_one_service=not self._is_shared)

    @property
    def answered(self) -> int:
        return sum(len(record["answered"]) for record in self._records)

    @property
    def _records(self) -> tuple[Record, Record]:
        return self.record, self.notes.record

    def await_changes(self, more: int, of: str = "") -> None:
        """Waits until this many more changes were answered, for clients whose names begin with `of`.

        Reads do not count: a service that refuses every change may still answer them.
        """
        wanted = self._changes(of) + more

        def enough() -> bool:
            self.check()
            return self._changes(of) >= wanted

        wait_until(enough, f"changes of {of or 'clients'} are answered again", 120)

    def _changes(self, of: str) -> int:
        answered = [call for record in self._records for call in record["answered"]]
        return sum(call.is_change and call.client.startswith(of) for call in answered)

    def await_happenings(self) -> None:
        """Waits until reservations have ended and moved in each of the ways of HAPPENINGS."""

        def happened() -> bool:
            self.check()
            return {body["reason"] for body in self.listener.told} >= HAPPENINGS

        wait_until(happened, f"reservations meet all of {sorted(HAPPENINGS)}", 300)

    @contextmanager
    def at_rest(self) -> Iterator[None]:
        """Nothing is sent or in flight within the block."""

        def resting() -> bool:
            self.check()
            return self._resting == len(self._participants())

        self._rest.set()
        try:
            wait_until(resting, "all clients rest", 120)
            yield
        finally:
            self._rest.clear()

    def check(self) -> None:
        """Raises what has ended the load before its time."""
        if self._error is not None:
            raise self._error

    def __enter__(self) -> Self:
        self._thread.start()
        while not self._ready.wait(0.1):
            self.check()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.given_up = error is not None
        self._stop.set()
        self._thread.join()
        if error is None:
            self.check()

    def _run(self) -> None:
        try:
            asyncio.run(self._live())
        except BaseException as error:
            self._error = error

    async def _live(self) -> None:
        async with AsyncExitStack() as connections:
            for broker in self._heard_at:
                connection = self.listener.connection(broker)
                self._hearing.append(await connections.enter_async_context(connection))
            chargers, vehicles, legacy = self._counts
            for number in range(chargers):
                client = await self._connect(connections, f"charger-{number}", "mqtt5")
                self.chargers.append(Charger(self, client, number, self._next_random()))
            for number in range(vehicles):
                name = f"vehicle-{number}"
                client = await self._connect(connections, name, ("mqtt5", "mqtt311")[number % 2])
                self.vehicles.append(Vehicle(self, client, name, self._next_random()))
            for number in range(legacy):
                old = LegacyClient(
                    self.record,
                    f"legacy {number}",
                    self._stack.tcp_port,
                    gateway_killed=self._gateway_killed,
                )
                self.vehicles.append(Vehicle(self, old, number, self._next_random()))
            if isinstance(self._stack, FastStack | FastSharedStack):
                await self._add_drivers(connections, self._stack)
            for charger in self.chargers:
                await charger.set_up()
            for site in self.sites:
                await site.set_up()
            self._ready.set()
            async with asyncio.TaskGroup() as tasks:
                for participant in self._participants():
                    tasks.create_task(self._go_on(participant.step, participant.PAUSE or self._pause))
            if not self.given_up:
                await self._look_back()

    async def _add_drivers(self, connections: AsyncExitStack, stack: FastStack | FastSharedStack) -> None:
        for number in range(SITES):
            client = await self._connect(connections, f"site-{number}", "mqtt5", self.notes.record)
            self.sites.append(Site(self, client, number, self.notes, self._next_random()))

        def site_of(station: int) -> Site:
            return next(site for site in self.sites if site.station == station)

        for number in range(DRIVERS):
            name = f"driver-{number}"
            client = await self._connect(
                connections, name, ("mqtt5", "mqtt311")[number % 2], self.notes.record
            )
            self.drivers.append(Driver(self, client, site_of, self.notes, stack.now, self._next_random()))

    async def _go_on(self, step: Callable[[], Awaitable[None]], pause: float) -> None:
        while not self._stop.is_set():
            await step()
            await asyncio.sleep(self._random.uniform(0, 2 * pause))
            self._resting += 1
            await until(lambda: not self._rest.is_set())
            self._resting -= 1

    async def _look_back(self) -> None:
        """Everything is as the clients know it, and each change gets the answer that it got."""
        await self._settle_drivers()
        for participant in self._participants():
            end = time.monotonic() + PATIENCE
            while not await participant.look():
                text = f"{participant.client.name} has got no answer for {PATIENCE:g} s"
                if not self.expect(time.monotonic() < end, text):
                    break
        clients = {
            participant.client.name: participant.client
            for participant in self._participants()
            if isinstance(participant.client, MQTTClient)
        }
        changes = [
            call
            for record in self._records
            for call in record.calls
            if call.client in clients and call.outcome in ("answered", "refused") and call.is_change
        ]
        room = asyncio.Semaphore(50)

        async def repeat(call: Call) -> None:
            async with room:
                again = await clients[call.client].ask_again(call, timeout=30)
                same = (again.outcome, again.result) == (call.outcome, call.result)
                self.expect(same, f"asked twice, answered differently: {call}, then {again}")

        async with asyncio.TaskGroup() as tasks:
            for call in changes:
                tasks.create_task(repeat(call))
        self.repeated = len(changes)
        await self._hear_all()

    async def _settle_drivers(self) -> None:
        """Brings drivers and sites to where nothing happens any more by the passing of time."""
        await asyncio.gather(*(driver.leave() for driver in self.drivers))
        await asyncio.gather(*(site.settle() for site in self.sites))
        await asyncio.gather(*(driver.stay() for driver in self.drivers))

    async def _hear_all(self) -> None:
        """Events may come a while after the replies, and must have come then."""
        booked = bookings(self.record)
        kept = [vehicle.reservation for vehicle in self.vehicles if vehicle.reservation is not None]
        owners = {charger.near: charger.client.name for charger in self.chargers}
        expected = expected_by_clients(booked, kept, owners)
        kept += [driver.reservation for driver in self.drivers if driver.reservation is not None]
        scheduled = {Booking(row, 0).name for row in kept}
        end = time.monotonic() + (EVENTS_OF_SEVERAL if self._is_shared else EVENTS)

        def heard_all() -> bool:
            if self.listener.unheard(expected):
                return False
            return not self.hears_in_order or self.stories(self.listener.told).scheduled == scheduled

        while not self.loses_events and not heard_all() and time.monotonic() < end:
            await asyncio.sleep(0.1)
        self.violations += [] if self.loses_events else self.listener.unheard(expected)
        self.violations += self.listener.untrue(booked, owners)

    def _participants(self) -> list[Vehicle | Charger | Driver | Site]:
        return [*self.chargers, *self.vehicles, *self.sites, *self.drivers]

    async def _connect(
        self, connections: AsyncExitStack, name: str, protocol: Protocol, record: Record | None = None
    ) -> MQTTClient:
        requester = Requester(self._stack.address, name, protocol=protocol)
        await connections.enter_async_context(requester)
        return MQTTClient(record or self.record, name, requester)

    def _next_random(self) -> Random:
        return Random(self._random.random())
