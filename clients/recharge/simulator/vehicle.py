"""A simulated vehicle: drives until its battery is low, books, drives there, waits, charges and leaves."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final, Self

from msgspec import Struct

from recharge.account import STATE_FOLLOWS_SECONDS
from recharge.errors import NotFound, Refused
from recharge.records import Event, Reservation, Station
from recharge.simulator.car import SPEED_KM_PER_HOUR, Car, charge, distance, drive, drive_to
from recharge.simulator.observer import (
    Activity,
    AlreadyReserved,
    Booked,
    ChargingFinished,
    ChargingStarted,
    NothingBooked,
    Observer,
    Progress,
    Question,
    ReservationCancelled,
    ReservationLost,
    StationMoved,
)
from recharge.simulator.visits import Visit, made_up, plan_visit, price_of, reserved_energy
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
        self._booking = False
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

    @property
    def is_booking(self) -> bool:
        """Whether a booking was requested of which nobody knows if it took effect."""
        return self._booking

    async def drive_and_charge(self) -> bool:
        """Charges once: with the vehicle's reservation, or with one that it books when the battery is low.

        Returns False when the driver declines. Raises DriverQuits, and what Vehicle's methods raise,
        including for a refused booking.
        """
        reservation = await self._vehicle.reservation()
        if reservation is None:
            await self._drive_about()
        else:
            self._observer.report(AlreadyReserved())
        while (reservation := reservation or await self._book()) and await self._accept(reservation):
            try:
                await self._use(reservation)
            except _ReservationCancelled:
                self._observer.report(ReservationLost())
                reservation = None
            else:
                return True
        return False

    async def _drive_about(self) -> None:
        while self._car.battery > self._pace.critical:
            self._car = drive(self._car, self._pace.hours_per_tick, self._random)
            await self._tick(Activity.DRIVING_ABOUT)

    async def _book(self) -> Reservation | None:
        """Returns None if the driver does not want to book."""
        if not await self._observer.agrees(Question.BOOK, self._car):
            self._observer.report(NothingBooked())
            return None
        x, y = round(self._car.x, 3), round(self._car.y, 3)
        self._booking = True
        reservation = await self._vehicle.book(x, y, _to_book(self._car.battery), self._car.capacity)
        self._booking = False
        return reservation

    async def _accept(self, reservation: Reservation) -> bool:
        """Returns whether the driver wants to use the reservation. Otherwise it stays, or is cancelled."""
        self._reservation = reservation
        self._station = await self._vehicle.station(reservation.station_id)
        kilometres = distance(self._car, self._station.x, self._station.y) if self._station else None
        self._observer.report(Booked(reservation, kilometres, self._station))
        if await self._observer.agrees(Question.DRIVE_THERE, self._car):
            return True
        if await self._observer.agrees(Question.CANCEL, self._car):
            await self._release(reservation)
            self._observer.report(ReservationCancelled())
        return False

    async def _use(self, reservation: Reservation) -> None:
        if self._reservation is None:
            raise _ReservationCancelled
        departed = datetime.now(UTC)
        arrived = departed + await self._drive_there()
        planned = plan_visit(reservation, departed, self._pace.time_scale)
        visit = made_up(planned, arrived, self._pace.time_scale)
        await self._wait(visit)
        energy = await self._charge(reservation, visit, arrived)
        await self._release(reservation)
        self._observer.report(
            ChargingFinished(reservation, self._car.battery, energy, price_of(reservation, energy))
        )

    async def _drive_there(self) -> timedelta:
        """Returns how long it takes in real time, without the delays of this machine."""
        # TCP does not tell where a station is: the car drives a few kilometres east, and comes in time.
        unknown = self._car.x + self._random.uniform(2, 4), self._car.y + self._random.uniform(-2, 2)
        driven = 0.0
        while True:
            x, y = (self._station.x, self._station.y) if self._station else unknown
            left = distance(self._car, x, y)
            if not left:
                return timedelta(seconds=driven)
            seconds = min(TICK_SECONDS, left / SPEED_KM_PER_HOUR * 3600 / self._pace.time_scale)
            self._car = drive_to(self._car, x, y, self._pace.hours_per_tick)
            await self._tick(Activity.DRIVING_TO_STATION, kilometres_left=left, seconds=seconds)
            driven += seconds

    async def _wait(self, visit: Visit) -> None:
        while (seconds := (visit.begins - datetime.now(UTC)).total_seconds()) > 0:
            await self._tick(
                Activity.WAITING,
                minutes_left=self._simulated_minutes(seconds),
                seconds=min(TICK_SECONDS, seconds),
            )

    async def _charge(self, reservation: Reservation, visit: Visit, arrived: datetime) -> float:
        """Returns the energy in kWh: what was reserved, or less after a late arrival or in a full battery."""
        self._observer.report(ChargingStarted(reservation))
        before = self._car
        while True:
            now = datetime.now(UTC)
            energy = min(reserved_energy(reservation) * visit.share(arrived, now), before.missing_energy)
            self._car = charge(before, energy)
            if now >= visit.ends or energy >= before.missing_energy:
                return energy
            minutes = self._simulated_minutes((visit.ends - now).total_seconds())
            await self._tick(Activity.CHARGING, minutes_left=minutes)

    async def _release(self, reservation: Reservation) -> None:
        """Cancels the rest of the reservation, unless it has ended already."""
        if datetime.now(UTC) < reservation.finish:
            # The event of our own cancellation must not look like that of somebody else's.
            self._reservation = None
            try:
                with suppress(NotFound, Refused):
                    await self._vehicle.cancel(reservation)
            except BaseException:
                self._reservation = reservation
                raise
        self._reservation = None

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
            await asyncio.sleep(STATE_FOLLOWS_SECONDS)
            self._station = await self._vehicle.station(event.reservation.station_id)
            self._observer.report(StationMoved())

    def _simulated_minutes(self, seconds: float) -> float:
        return max(0.0, seconds * self._pace.time_scale / 60)


def _to_book(battery: float) -> float:
    """Rounds the battery up to a tenth of a percent: what is reserved must fit into it."""
    rounded = round(battery, 1)
    return min(rounded if rounded >= battery else round(rounded + 0.1, 1), MAX_BOOKING_PERCENT)
