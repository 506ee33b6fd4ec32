"""A vehicle and a charger that know what the network must say to them, and notice when it does not.

After each answer a client knows exactly what the network must say from then on. Without an answer it asks:
the request happened wholly or not at all. What contradicts that is a violation.
"""

from random import Random
from typing import Any, Protocol

from tests.faults.recorder import Call, Client, MQTTClient

_NOT_FOUND = ("NOT_FOUND", "REFUSED")
"""How a reservation that does not exist is answered, over MQTT and over TCP."""


class Surroundings(Protocol):
    """What a participant needs of the load that it is a part of."""

    given_up: bool

    def expect(self, holds: bool, violation: str) -> bool:
        """Notes a violation unless this holds; returns whether it does."""

    async def settled(self, client: Client, action: str, values: dict[str, Any]) -> Call:
        """Asks for a change."""


class Vehicle:
    """Has a reservation or has none, and knows which: it charges for so long that none finishes in a run."""

    PAUSE = 0.0
    """Seconds between two steps, instead of the load's."""

    def __init__(self, load: Surroundings, client: Client, key: object, random: Random) -> None:
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

    async def look(self) -> bool:
        """Whether there was an answer, which has to be what is known."""
        found = await self._find()
        if found is not None:
            self._load.expect(found == self._known(), f"{self._vehicle}: found {found}, not {self._known()}")
        return found is not None

    async def _book(self) -> None:
        values: dict[str, Any] = {
            "vid": self._vehicle,
            "x": self._random.uniform(0, 10),
            "y": 0,
            "actualBatteryPercentage": self._random.randint(0, 80),
            "batteryCapacity": 400,
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

    PAUSE = 0.0
    NEAR_POINTS = 2

    def __init__(self, load: Surroundings, client: MQTTClient, number: int, random: Random) -> None:
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
            equipment = {**self._equipment(), "power": self._random.randint(5, 10)}
            await self._must("newChargingPoint", {"chargingStationID": self.near, **equipment})

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

    async def look(self) -> bool:
        """Whether there was an answer, which has to be what is known."""
        call = await self.client.ask("receiveAllChargingPoints", {"chargingStationID": self.far})
        if call.outcome != "unknown":
            known = [self.points[number] for number in sorted(self.points)]
            self._load.expect(call.result == known, f"{self.client.name}: listed {call.result}, not {known}")
        return call.outcome != "unknown"

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
            is_new = call.result not in self._given and call.result > max(self._given, default=0)
            self._load.expect(is_new, f"{self.client.name}: point {call.result} after {self._given}")
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
