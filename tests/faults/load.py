"""A small network that lives while things go wrong: each of its clients knows what it was promised.

A vehicle books, looks, cancels; a charger changes its points, adds some and deletes some. After each answer a
client knows exactly what the network must say from then on. Without an answer it asks: the request happened
wholly or not at all. What contradicts that is a violation.
"""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from random import Random
from threading import Event, Thread
from types import TracebackType
from typing import Any, Self

from cloud_service.broker.paho_client import Protocol
from cloud_service.broker.requester import Requester
from tests.faults.recorder import Call, Client, LegacyClient, MQTTClient, Record
from tests.harness import Stack

_NOT_FOUND = ("NOT_FOUND", "REFUSED")
"""How a reservation that does not exist is answered, over MQTT and over TCP."""


class Vehicle:
    """Has a reservation or has none, and knows which."""

    def __init__(self, load: "Load", client: Client, key: object, random: Random) -> None:
        self.reservation: dict[str, Any] | None = None
        self.client = client
        self._load = load
        self._vehicle = key
        self._random = random

    async def step(self) -> None:
        choice = self._random.random()
        if choice < 0.2:
            await self.look()
        elif self.reservation is None:
            await self._book()
        else:
            await self._cancel()

    async def look(self) -> None:
        """Asks until there is an answer, which has to be what is known."""
        found = await self._find()
        if found is not None:
            self._load.expect(found == self._known(), f"{self._vehicle}: found {found}, not {self._known()}")

    async def _book(self) -> None:
        values: dict[str, Any] = {
            "vid": self._vehicle,
            "x": self._random.uniform(0, 10),
            "y": 0,
            "actualBatteryPercentage": self._random.randint(0, 90),
            "batteryCapacity": 40,
        }
        call = await self._load.settled(self.client, "scheduleReservation", values)
        if call.outcome == "unknown":
            await self._learn()
        elif self._load.expect(call.outcome == "answered", f"{self._vehicle}: {call}"):
            self.reservation = call.result
        if self.reservation is not None:
            row = self.reservation
            energy = values["batteryCapacity"] * (100 - values["actualBatteryPercentage"]) / 100
            as_asked = abs(row["duration"] * row["chargingPointPower"] - energy) < 0.02
            self._load.expect(
                as_asked and row["vehicleID"] == self._vehicle, f"{row} is not as asked: {values}"
            )

    async def _cancel(self) -> None:
        assert self.reservation is not None
        values = {"vehicleID": self._vehicle, "reservationID": self.reservation["reservationID"]}
        call = await self._load.settled(self.client, "deleteReservation", values)
        if call.outcome == "unknown":
            known = self.reservation
            await self._learn()
            self._load.expect(self.reservation in (None, known), f"{self._vehicle}: {self.reservation}")
        elif self._load.expect(call.outcome == "answered", f"{self._vehicle}: {call}"):
            self.reservation = None

    async def _learn(self) -> None:
        """By now the request has expired: it has happened, or never will."""
        found = await self._find()
        while found is None and not self._load.given_up:
            found = await self._find()
        self.reservation = None if found is None or found in _NOT_FOUND else found

    async def _find(self) -> Any:
        call = await self.client.ask("findReservation", {"vid": self._vehicle})
        if call.outcome == "unknown":
            return None
        return "NOT_FOUND" if call.result in _NOT_FOUND else call.result

    def _known(self) -> Any:
        return "NOT_FOUND" if self.reservation is None else self.reservation


class Charger:
    """Has a station where vehicles book, and one far away where points come and go."""

    NEAR_POINTS = 2

    def __init__(self, load: "Load", client: MQTTClient, number: int, random: Random) -> None:
        self.points: dict[int, dict[str, Any]] = {}
        self.client = client
        self.near = 0
        self.far = 0
        self._load = load
        self._number = number
        self._random = random
        self._given: list[int] = []
        self._found: dict[int, dict[str, Any]] = {}

    async def set_up(self) -> None:
        self.near = await self._must("newChargingStation", {"x_position": self._number, "y_position": 0})
        self.far = await self._must("newChargingStation", {"x_position": self._number, "y_position": 10**6})
        for _ in range(self.NEAR_POINTS):
            await self._must("newChargingPoint", {"chargingStationID": self.near, **self._equipment()})

    async def step(self) -> None:
        choice = self._random.random()
        if choice < 0.3 or not self.points:
            await self._add()
        elif choice < 0.5:
            await self._delete()
        elif choice < 0.8:
            await self._change()
        else:
            await self.look()

    async def look(self) -> None:
        call = await self.client.ask("receiveAllChargingPoints", {"chargingStationID": self.far})
        if call.outcome != "unknown":
            known = [self.points[number] for number in sorted(self.points)]
            self._load.expect(call.result == known, f"{self.client.name}: listed {call.result}, not {known}")

    async def _add(self) -> None:
        values = {"chargingStationID": self.far, **self._equipment()}
        call = await self._load.settled(self.client, "newChargingPoint", values)
        if call.outcome == "unknown":
            before, last = self.points, max(self._given, default=0)
            number = max(await self._list(), default=0)
            new = {number: {"chargingPointID": number, **values}} if number > last else {}
            self._learn({**before, **new})
            self._given += new
        elif self._load.expect(call.outcome == "answered", f"{self.client.name}: {call}"):
            new = call.result not in self._given and call.result > max(self._given, default=0)
            self._load.expect(new, f"{self.client.name}: point {call.result} after {self._given}")
            self._given.append(call.result)
            self.points[call.result] = {"chargingPointID": call.result, **values}

    async def _delete(self) -> None:
        number = self._random.choice(list(self.points))
        values = {"chargingStationID": self.far, "chargingPointID": number}
        call = await self._load.settled(self.client, "deleteChargingPoint", values)
        if call.outcome == "unknown":
            await self._list()
            self._learn({key: row for key, row in self.points.items() if key != number})
        elif self._load.expect(call.outcome == "answered", f"{self.client.name}: {call}"):
            del self.points[number]

    async def _change(self) -> None:
        number = self._random.choice(list(self.points))
        values = {"chargingPointID": number, "chargingStationID": self.far, **self._equipment()}
        call = await self._load.settled(self.client, "updateChargingPoint", values)
        if call.outcome == "unknown":
            await self._list()
            self._learn({**self.points, number: values})
        elif self._load.expect(call.outcome == "answered", f"{self.client.name}: {call}"):
            self.points[number] = values

    async def _list(self) -> dict[int, dict[str, Any]]:
        """What there is once a request has happened, or can no longer happen."""
        while not self._load.given_up:
            call = await self.client.ask("receiveAllChargingPoints", {"chargingStationID": self.far})
            if call.outcome == "answered":
                self._found = {row["chargingPointID"]: row for row in call.result}
                break
        return self._found

    def _learn(self, changed: dict[int, dict[str, Any]]) -> None:
        """The request happened wholly, or not at all."""
        whole = self._found in (self.points, changed)
        text = f"{self.client.name}: found {self._found}, neither {self.points} nor {changed}"
        self._load.expect(whole or self._load.given_up, text)
        self.points = self._found

    async def _must(self, action: str, values: dict[str, Any]) -> int:
        call = await self._load.settled(self.client, action, values)
        assert call.outcome == "answered", call
        return int(call.result)

    def _equipment(self) -> dict[str, Any]:
        return {
            "power": self._random.randint(1, 50),
            "kWhPrice": self._random.choice((0, 0.5, 1)),
            "availability": self._random.choice(("livre", "ocupado")),
        }


class Load:
    """Chargers and vehicles in a thread of their own: `with Load(stack, seed) as load:`, and things go wrong.

    On leaving, everything has to be well again: the clients look once more, each answered change is asked for
    a second time under its ID, and only then the record is complete.
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
    ) -> None:
        self.record = Record()
        self.violations: list[str] = []
        self.given_up = False
        self.vehicles: list[Vehicle] = []
        self.chargers: list[Charger] = []
        self.repeated = 0
        """Changes that were asked for a second time."""
        self._stack = stack
        self._random = Random(seed)
        self._counts = chargers, vehicles, legacy
        self._pause = pause
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
    def answered(self) -> int:
        return len(self.record["answered"])

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
            chargers, vehicles, legacy = self._counts
            for number in range(chargers):
                client = await self._connect(connections, f"charger-{number}", "mqtt5")
                self.chargers.append(Charger(self, client, number, self._next_random()))
            for number in range(vehicles):
                name = f"vehicle-{number}"
                client = await self._connect(connections, name, ("mqtt5", "mqtt311")[number % 2])
                self.vehicles.append(Vehicle(self, client, name, self._next_random()))
            for number in range(legacy):
                old = LegacyClient(self.record, f"legacy {number}", self._stack.tcp_port)
                self.vehicles.append(Vehicle(self, old, number, self._next_random()))
            for charger in self.chargers:
                await charger.set_up()
            self._ready.set()
            async with asyncio.TaskGroup() as tasks:
                for participant in self._participants():
                    tasks.create_task(self._go_on(participant.step))
            if not self.given_up:
                await self._look_back()

    async def _go_on(self, step: Callable[[], Awaitable[None]]) -> None:
        while not self._stop.is_set():
            await step()
            await asyncio.sleep(self._random.uniform(0, 2 * self._pause))

    async def _look_back(self) -> None:
        """Everything is as the clients know it, and each change gets the answer that it got."""
        for participant in self._participants():
            await participant.look()
        clients = {
            participant.client.name: participant.client
            for participant in self._participants()
            if isinstance(participant.client, MQTTClient)
        }
        changes = [
            call
            for call in self.record.calls
            if call.client in clients
            and call.outcome in ("answered", "refused")
            and not call.action.startswith(("find", "receive"))
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

    def _participants(self) -> list[Vehicle | Charger]:
        return [*self.chargers, *self.vehicles]

    async def _connect(self, connections: AsyncExitStack, name: str, protocol: Protocol) -> MQTTClient:
        requester = Requester(self._stack.address, name, protocol=protocol)
        return MQTTClient(self.record, name, await connections.enter_async_context(requester))

    def _next_random(self) -> Random:
        return Random(self._random.random())
