"""A vehicle's story: it drives until its battery is low, books, drives there, waits, charges, leaves."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from typing import Final, Protocol

from msgspec import Struct

from cloud_service.protocol.errors import NotFound
from recharge.language import Language
from recharge.records import Event, Reservation, Station
from recharge.simulator.driving import Car, charge, distance, drive, drive_to
from recharge.simulator.visits import Visit, visit
from recharge.tcp import Refused
from recharge.vehicle import Vehicle

TICK: Final = 0.1
"""Seconds between two looks at the car."""


class View(Protocol):
    """Where a journey is told."""

    def tell(self, text: str) -> None:
        """Something happened."""

    def gauge(self, car: Car, doing: str, detail: str = "") -> None:
        """What the car is about, many times a second."""

    def show(self, reservation: Reservation, kilometres: float | None) -> None:
        """A reservation that was made, at a station so far away."""

    async def agrees(self, question: str) -> bool:
        """Whether the driver says yes."""


class Pace(Struct, frozen=True):
    """At `critical` percent of the battery the car books. Time passes `time_scale` times as fast."""

    critical: float = 20.0
    time_scale: float = 120.0

    @property
    def hours_a_tick(self) -> float:
        return TICK * self.time_scale / 3600


class _Lost(Exception):
    """The reservation was cancelled by somebody else."""


class Journey:
    """`async with Journey(...)`: follows the vehicle's events meanwhile. The vehicle is connected already."""

    def __init__(
        self, vehicle: Vehicle, car: Car, pace: Pace, random: Random, view: View, say: Language
    ) -> None:
        self.car = car
        self._vehicle = vehicle
        self._pace = pace
        self._random = random
        self._view = view
        self._say = say
        self._reservation: Reservation | None = None
        self._place: Station | None = None
        self._listening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Journey":
        self._listening = asyncio.create_task(self._listen(), name=f"events of {self._vehicle.name}")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])

    @property
    def booked(self) -> bool:
        """Whether there is a reservation."""
        return self._reservation is not None

    async def round(self) -> bool:
        """Until the battery has been charged once. False where the driver, or the service, does not want to.

        Raises what the vehicle's methods raise, for a refused booking too.
        """
        await self._drive_about()
        while await self._book():
            try:
                await self._use()
            except _Lost:
                self._view.tell(self._say("The reservation was cancelled; looking for another"))
            else:
                return True
        return False

    async def _drive_about(self) -> None:
        while self.car.battery > self._pace.critical:
            self.car = drive(self.car, self._pace.hours_a_tick, self._random)
            await self._tick(self._say("Driving about"))

    async def _book(self) -> bool:
        """Whether there is a reservation now."""
        battery = round(self.car.battery, 1)
        question = "Battery at {battery} %. Book a charge?"
        if not await self._view.agrees(self._say(question, battery=self._say.number(battery, 0))):
            return False
        x, y = round(self.car.x, 3), round(self.car.y, 3)
        reservation = await self._vehicle.book(x, y, min(battery, 99.9), self.car.capacity)
        self._place = await self._vehicle.station(reservation.station_id)
        far = distance(self.car, self._place.x, self._place.y) if self._place else None
        self._reservation = reservation
        self._view.show(reservation, far)
        if await self._view.agrees(self._say("Drive there?")):
            return True
        await self._leave(reservation)
        return False

    async def _use(self) -> None:
        assert self._reservation is not None
        expected = visit(self._reservation, datetime.now(UTC), self._pace.time_scale)
        await self._drive_there()
        await self._wait(expected)
        reservation = self._reservation
        before = self.car.needs
        await self._charge(reservation, expected)
        await self._leave(reservation)
        self._tell_bill(before - self.car.needs, reservation)

    async def _drive_there(self) -> None:
        unknown = self.car.x + self._random.uniform(2, 6), self.car.y + self._random.uniform(-4, 4)
        while True:
            x, y = (self._place.x, self._place.y) if self._place else unknown
            left = distance(self.car, x, y)
            if not left:
                return
            self.car = drive_to(self.car, x, y, self._pace.hours_a_tick)
            detail = self._say("{kilometres} km to go", kilometres=self._say.number(left))
            await self._tick(self._say("Driving to the station"), detail)

    async def _wait(self, expected: Visit) -> None:
        wait = (expected.begins - datetime.now(UTC)).total_seconds()
        while wait > 0:
            detail = self._say("{minutes} min to go", minutes=self._minutes(wait))
            await self._tick(self._say("Waiting at the station"), detail, min(TICK, wait))
            wait = (expected.begins - datetime.now(UTC)).total_seconds()

    async def _charge(self, reservation: Reservation, expected: Visit) -> None:
        self._view.tell(
            self._say(
                "Charging with {power} kW at station {station}, point {point}",
                power=self._say.measure(reservation.power),
                station=reservation.station_id,
                point=reservation.point_id,
            )
        )
        loop = asyncio.get_running_loop()
        last = loop.time()
        while self.car.battery < 100 and (now := datetime.now(UTC)) < expected.ends:
            left = self._minutes((expected.ends - now).total_seconds())
            await self._tick(self._say("Charging"), self._say("{minutes} min to go", minutes=left))
            hours = (loop.time() - last) * self._pace.time_scale / 3600
            last = loop.time()
            self.car = charge(self.car, reservation.power * hours)

    async def _leave(self, reservation: Reservation) -> None:
        """Gives the point back. Where the reservation's time is over the service has done so."""
        self._reservation = None
        if datetime.now(UTC) < reservation.finish:
            with suppress(NotFound, Refused):
                await self._vehicle.cancel(reservation)

    def _tell_bill(self, energy: float, reservation: Reservation) -> None:
        text = self._say(
            "Charged to {battery} % with {energy} kWh for {price}; left the charging point",
            battery=self._say.number(self.car.battery, 0),
            energy=self._say.number(energy),
            price=self._say.number(energy * reservation.kwh_price, 2),
        )
        self._view.tell(text)

    async def _tick(self, doing: str, detail: str = "", seconds: float = TICK) -> None:
        booked = self._reservation
        self._view.gauge(self.car, doing, detail)
        await asyncio.sleep(seconds)
        if booked is not None and self._reservation is None:
            raise _Lost

    async def _listen(self) -> None:
        async for event in self._vehicle.events():
            await self._note(event)

    async def _note(self, event: Event) -> None:
        if self._reservation is None or event.reservation.key != self._reservation.key:
            return
        if event.type == "reservationCancelled":
            self._reservation = None
        elif event.type == "reservationChanged":
            self._view.tell(self._say("The station moved"))
            self._place = await self._vehicle.station(event.reservation.station_id)

    def _minutes(self, seconds: float) -> str:
        return self._say.number(max(0.0, seconds * self._pace.time_scale / 60), 0)
