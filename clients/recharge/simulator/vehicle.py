"""A simulated vehicle: drives until its battery is low, books, drives there, waits, charges and leaves."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime
from random import Random
from typing import Final, Self

from msgspec import Struct

from recharge.errors import NotFound, Refused
from recharge.records import Event, Reservation, Station
from recharge.simulator.car import Car, charge, distance, drive, drive_to
from recharge.simulator.observer import (
    Activity,
    Booked,
    ChargingFinished,
    ChargingStarted,
    Observer,
    Progress,
    Question,
    ReservationLost,
    StationMoved,
)
from recharge.simulator.visits import Visit, plan_visit
from recharge.vehicle import Vehicle

TICK_SECONDS: Final = 0.1
"""Real time between two steps of the simulation."""
MAX_BOOKING_PERCENT: Final = 99.9
"""The service refuses a booking with a full battery."""


class Pace(Struct, frozen=True):
    """The car books at `critical` percent of its battery. Time passes `time_scale` times as fast."""

    critical: float = 20.0
    time_scale: float = 120.0

    @property
    def hours_per_tick(self) -> float:
        return TICK_SECONDS * self.time_scale / 3600


class _ReservationCancelled(Exception):
    """Somebody else cancelled the reservation."""


class SimulatedVehicle:
    """`async with SimulatedVehicle(...)`: drives a connected Vehicle, and follows its events."""

    def __init__(self, vehicle: Vehicle, car: Car, pace: Pace, random: Random, observer: Observer) -> None:
        self._vehicle = vehicle
        self._car = car
        self._pace = pace
        self._random = random
        self._observer = observer
        self._reservation: Reservation | None = None
        self._station: Station | None = None
        self._listening: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._listening = asyncio.create_task(self._listen(), name=f"events of {self._vehicle.name}")
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._listening is not None:
            self._listening.cancel()
            await asyncio.wait([self._listening])

    @property
    def has_reservation(self) -> bool:
        return self._reservation is not None

    async def drive_and_charge(self) -> bool:
        """Drives until the battery is low, and charges once. Returns False when the driver declines.

        Raises what Vehicle's methods raise, including for a refused booking.
        """
        await self._drive_about()
        while await self._book():
            try:
                await self._use_reservation()
            except _ReservationCancelled:
                self._observer.report(ReservationLost())
            else:
                return True
        return False

    async def _drive_about(self) -> None:
        while self._car.battery > self._pace.critical:
            self._car = drive(self._car, self._pace.hours_per_tick, self._random)
            await self._tick(Activity.DRIVING_ABOUT)

    async def _book(self) -> bool:
        """Returns whether there is a reservation that the driver wants to use."""
        if not await self._observer.agrees(Question.BOOK, self._car):
            return False
        x, y = round(self._car.x, 3), round(self._car.y, 3)
        battery = min(round(self._car.battery, 1), MAX_BOOKING_PERCENT)
        reservation = await self._vehicle.book(x, y, battery, self._car.capacity)
        self._station = await self._vehicle.station(reservation.station_id)
        self._reservation = reservation
        kilometres = distance(self._car, self._station.x, self._station.y) if self._station else None
        self._observer.report(Booked(reservation, kilometres))
        if await self._observer.agrees(Question.DRIVE_THERE, self._car):
            return True
        await self._release(reservation)
        return False

    async def _use_reservation(self) -> None:
        reservation = self._reservation
        if reservation is None:
            raise _ReservationCancelled
        visit = plan_visit(reservation, datetime.now(UTC), self._pace.time_scale)
        await self._drive_there()
        await self._wait(visit)
        before = self._car.missing_energy
        await self._charge(reservation, visit)
        await self._release(reservation)
        energy = before - self._car.missing_energy
        self._observer.report(ChargingFinished(self._car.battery, energy, energy * reservation.kwh_price))

    async def _drive_there(self) -> None:
        # TCP does not tell where a station is: the car drives a few kilometres east.
        unknown = self._car.x + self._random.uniform(2, 6), self._car.y + self._random.uniform(-4, 4)
        while True:
            x, y = (self._station.x, self._station.y) if self._station else unknown
            left = distance(self._car, x, y)
            if not left:
                return
            self._car = drive_to(self._car, x, y, self._pace.hours_per_tick)
            await self._tick(Activity.DRIVING_TO_STATION, kilometres_left=left)

    async def _wait(self, visit: Visit) -> None:
        while (seconds := (visit.begins - datetime.now(UTC)).total_seconds()) > 0:
            await self._tick(
                Activity.WAITING,
                minutes_left=self._simulated_minutes(seconds),
                seconds=min(TICK_SECONDS, seconds),
            )

    async def _charge(self, reservation: Reservation, visit: Visit) -> None:
        self._observer.report(ChargingStarted(reservation))
        loop = asyncio.get_running_loop()
        last = loop.time()
        while self._car.battery < 100 and (now := datetime.now(UTC)) < visit.ends:
            minutes = self._simulated_minutes((visit.ends - now).total_seconds())
            await self._tick(Activity.CHARGING, minutes_left=minutes)
            hours = (loop.time() - last) * self._pace.time_scale / 3600
            last = loop.time()
            self._car = charge(self._car, reservation.power * hours)

    async def _release(self, reservation: Reservation) -> None:
        """Cancels the rest of the reservation, unless it has ended already."""
        self._reservation = None
        if datetime.now(UTC) < reservation.finish:
            with suppress(NotFound, Refused):
                await self._vehicle.cancel(reservation)

    async def _tick(
        self,
        activity: Activity,
        *,
        kilometres_left: float | None = None,
        minutes_left: float | None = None,
        seconds: float = TICK_SECONDS,
    ) -> None:
        had_reservation = self.has_reservation
        self._observer.progress(Progress(self._car, activity, kilometres_left, minutes_left))
        await asyncio.sleep(seconds)
        if had_reservation and not self.has_reservation:
            raise _ReservationCancelled

    async def _listen(self) -> None:
        async for event in self._vehicle.events():
            await self._receive(event)

    async def _receive(self, event: Event) -> None:
        if self._reservation is None or event.reservation.key != self._reservation.key:
            return
        if event.type == "reservationCancelled":
            self._reservation = None
        elif event.type == "reservationChanged":
            self._station = await self._vehicle.station(event.reservation.station_id)
            self._observer.report(StationMoved())

    def _simulated_minutes(self, seconds: float) -> float:
        return max(0.0, seconds * self._pace.time_scale / 60)
