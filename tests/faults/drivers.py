"""Drivers and sites: reservations that are kept, missed, left early, overrun, moved up and driven away.

What a driver is told may be overtaken by time at any moment. So drivers note what they have seen and what
they were promised, and stories.py compares this with what was told and kept, when a run is over.
"""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any, Literal, TypeAlias

from msgspec import Struct, field

from tests.faults.fast_time import EARLY_START
from tests.faults.participants import Surroundings
from tests.faults.recorder import Call, MQTTClient, Record

Fate: TypeAlias = Literal["keeps", "overstays", "misses", "cancels"]
Deed: TypeAlias = Literal["began", "finished", "cancelled"]
Row: TypeAlias = dict[str, Any]
Name: TypeAlias = tuple[int, int, int]

POWER = 20
"""Of each point, in kW."""
FAR_AWAY = 1000
"""Where sites are, in kilometres from the stations at which other vehicles book."""
POINTS = 2
HOUR = timedelta(hours=1)
LONG = 10 * 60
"""Minutes: longer than a check takes, in the network's time."""
FATES: Mapping[Fate, int] = {"keeps": 3, "overstays": 5, "misses": 3, "cancels": 1}
"""With their weights."""


def name_of(row: Row) -> Name:
    """Station, point and reservation: unique for ever."""
    return row["chargingStationID"], row["chargingPointID"], row["reservationID"]


class Notes(Struct):
    """What sites and drivers have asked, and what they know of reservations by the answers."""

    record: Record = field(default_factory=Record)
    seen: list[Row] = field(default_factory=list)
    done: list[tuple[Deed, Name]] = field(default_factory=list)


class Site:
    """A charger with one station. It tells of sessions, and its points break now and then."""

    PAUSE = 0.15
    """Seconds between two steps: it is time that makes things happen here, not many requests."""

    def __init__(self, load: Surroundings, client: MQTTClient, number: int, notes: Notes, random: Random):
        self.client = client
        self.station = 0
        self._load = load
        self._x = FAR_AWAY + number
        self._notes = notes
        self._random = random
        self._charging: set[int] = set()
        self._broken: int | None = None
        self._at_point = {number: asyncio.Lock() for number in range(1, POINTS + 1)}

    async def set_up(self) -> None:
        """A point counts those who do not come only after it has told of a session."""
        self.station = await self._must("newChargingStation", {"x_position": self._x, "y_position": 0})
        for number in self._at_point:
            await self._must("newChargingPoint", {"chargingStationID": self.station, **self._equipment()})
            for action in ("startCharging", "finishCharging"):
                await self._must(action, self._point(number))

    async def step(self) -> None:
        if self._broken is None:
            free = [number for number in self._at_point if number not in self._charging]
            if free and self._random.random() < 0.1:
                self._broken = self._random.choice(free)
                await self._set_operational(self._broken, False)
        elif self._random.random() < 0.3 and await self._set_operational(self._broken, True):
            self._broken = None

    async def settle(self) -> None:
        """Nobody charges and nothing is broken any more, so that nothing happens here from now on."""
        for number in self._at_point:
            while (await self._end_session(number)).outcome == "unknown" and not self._load.given_up:
                pass
        while self._broken is not None and not self._load.given_up:
            if await self._set_operational(self._broken, True):
                self._broken = None

    async def look(self) -> bool:
        call = await self.client.ask("receiveAllReservations", {"chargingStationID": self.station})
        if call.outcome == "answered":
            self._notes.seen += call.result
        return call.outcome != "unknown"

    async def begin(self, number: int, vehicle: str) -> Row | None:
        """The reservation that begins; None if none does, as far as anybody knows."""
        async with self._at_point[number]:
            values = {**self._point(number), "vehicleID": vehicle}
            call = await self._load.settled(self.client, "startCharging", values)
            refused = call.outcome == "refused"
            self._load.expect(not refused or call.result == "CONFLICT", f"{vehicle}: {call}")
            if refused:
                return None
            self._charging.add(number)
            if call.outcome == "unknown":
                return None
            if call.result is None:  # the reservation has ended since its driver looked
                await self._end_session(number)
                return None
            self._notes.seen.append(call.result)
            self._notes.done.append(("began", name_of(call.result)))
            return dict(call.result)

    async def finish(self, number: int, name: Name) -> bool:
        """Whether the session that began with this reservation is over."""
        async with self._at_point[number]:
            call = await self._end_session(number)
            if call.outcome == "answered":
                self._notes.done.append(("finished", name))
            return call.outcome != "unknown"

    async def _end_session(self, number: int) -> Call:
        call = await self._load.settled(self.client, "finishCharging", self._point(number))
        if call.outcome != "unknown":
            expected = call.outcome == "answered" or call.result == "NOT_FOUND"
            self._load.expect(expected, f"{self.client.name}: {call}")
            self._charging.discard(number)
        return call

    async def _set_operational(self, number: int, operational: bool) -> bool:
        """Also says that the point is free, unless it is not: this ends a session that nobody knows of."""
        async with self._at_point[number]:
            availability = "ocupado" if number in self._charging else "livre"
            values = {**self._point(number), **self._equipment(availability), "operational": operational}
            call = await self._load.settled(self.client, "updateChargingPoint", values)
            self._load.expect(call.outcome != "refused", f"{self.client.name}: {call}")
            return call.outcome == "answered"

    async def _must(self, action: str, values: Row) -> Any:
        call = await self._load.settled(self.client, action, values)
        assert call.outcome == "answered", call
        return call.result

    def _point(self, number: int) -> Row:
        return {"chargingStationID": self.station, "chargingPointID": number}

    def _equipment(self, availability: str = "livre") -> Row:
        return {"power": POWER, "kWhPrice": 1, "availability": availability}


class Driver:
    """Books a few minutes, and then comes or does not, leaves in time or does not."""

    PAUSE = 0.15

    def __init__(
        self,
        load: Surroundings,
        client: MQTTClient,
        sites: Callable[[int], Site],
        notes: Notes,
        now: Callable[[], datetime],
        random: Random,
    ) -> None:
        self.client = client
        self._load = load
        self._site = sites
        self._notes = notes
        self._now = now
        self._random = random
        self.reservation: Row | None = None
        """As it was last seen."""
        self._fate: Fate = "keeps"
        self._charging: Row | None = None
        self._leaves = now()

    async def step(self) -> None:
        if self._charging is not None:
            await self._charge(self._charging)
        elif self.reservation is None:
            await self._book(self._random.randint(3, 8), flexible=self._random.random() < 0.7)
        elif await self.look() and self.reservation is not None:
            await self._meet_fate(self.reservation)

    async def leave(self) -> None:
        """Leaves its point and gives up its reservation."""
        self._fate, self._leaves = "cancels", self._now()
        while (self._charging or self.reservation) and not self._load.given_up:
            await self.step()

    async def stay(self) -> None:
        """Books for so long that nothing happens to the reservation by the passing of time, and begins it.

        Whoever has to wait for another one waits as long.
        """
        while not self._load.given_up:
            if self.reservation is None:
                await self._book(LONG, flexible=False)
            elif self._charging is not None or self._waits_for(self.reservation) > HOUR:
                return
            else:
                self._fate = "keeps"
                await self._meet_fate(self.reservation)
                await self.look()

    def _waits_for(self, row: Row) -> timedelta:
        return _moment(row["startDateTime"]) - self._now()

    async def look(self) -> bool:
        """Whether there was an answer. What it says may have changed by the passing of time."""
        call = await self.client.ask("findReservation", {})
        if call.outcome == "unknown":
            return False
        gone = call.outcome == "refused"
        self._load.expect(not gone or call.result == "NOT_FOUND", f"{self.client.name}: {call}")
        self.reservation = None if gone else call.result
        if self.reservation is not None:
            self._notes.seen.append(self.reservation)
        return True

    async def _book(self, minutes: int, *, flexible: bool) -> None:
        values = {
            "x": FAR_AWAY + self._random.choice((0, 1)),
            "y": 0,
            "actualBatteryPercentage": 0,
            "batteryCapacity": POWER * minutes / 60,
            "maxDistance": FAR_AWAY / 10,
            "objective": self._random.choice(("nearest", "earliest")),
            "flexible": flexible,
        }
        call = await self._load.settled(self.client, "scheduleReservation", values)
        # Without a point in order there is nothing to book.
        expected = call.outcome != "refused" or call.result == "NOT_FOUND"
        self._load.expect(expected, f"{self.client.name}: {call}")
        if call.outcome == "answered":
            self.reservation = call.result
            self._notes.seen.append(call.result)
        elif call.outcome == "unknown":
            await self.look()
        (self._fate,) = self._random.choices(list(FATES), list(FATES.values()))

    async def _meet_fate(self, row: Row) -> None:
        if self._fate == "cancels":
            await self._cancel(row)
        elif self._fate != "misses" and self._waits_for(row) <= EARLY_START:
            await self._begin(row)

    async def _cancel(self, row: Row) -> None:
        values = {"reservationID": row["reservationID"]}
        call = await self._load.settled(self.client, "deleteReservation", values)
        if call.outcome == "answered":
            self._notes.done.append(("cancelled", name_of(row)))
        elif call.outcome == "refused":  # it has ended, or moved, since this driver looked
            self._load.expect(call.result == "NOT_FOUND", f"{self.client.name}: {call}")

    async def _begin(self, row: Row) -> None:
        """At its own point, or now and then at the one beside it."""
        point = row["chargingPointID"] if self._random.random() < 0.85 else self._random.randint(1, POINTS)
        begun = await self._site(row["chargingStationID"]).begin(point, self.client.name)
        if begun is None:
            await self.look()
            found = self.reservation
            begun = found if found is not None and found["state"] == "active" else None
        self._charging = begun
        if begun is not None:
            late = self._random.randint(6, 12) if self._fate == "overstays" else -1
            self._leaves = _moment(begun["finishDateTime"]) + timedelta(minutes=late)

    async def _charge(self, row: Row) -> None:
        site = self._site(row["chargingStationID"])
        if self._now() >= self._leaves and await site.finish(row["chargingPointID"], name_of(row)):
            self._charging = self.reservation = None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
