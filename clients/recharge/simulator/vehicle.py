"""A simulated vehicle: drives until its battery is low, books, drives there, waits, charges and leaves."""

import asyncio
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final, Self

import msgspec
from msgspec import Struct

from recharge.account import STATE_FOLLOWS_SECONDS
from recharge.errors import NotFound, Refused
from recharge.records import Event, Reservation, Station, Wishes
from recharge.simulator.car import SPEED_KM_PER_HOUR, Car, charge, distance, drive, drive_to
from recharge.simulator.network_clock import MACHINE_CLOCK, NetworkClock
from recharge.simulator.observer import (
    Activity,
    AlreadyReserved,
    Booked,
    ChargingFinished,
    ChargingStarted,
    NothingBooked,
    Observer,
    Offered,
    Progress,
    Question,
    ReservationCancelled,
    ReservationLost,
    ReservationMoved,
    StationMoved,
)
from recharge.simulator.visits import Visit, made_up, plan_visit, price_of, reserved_energy
from recharge.vehicle import Vehicle

TICK_SECONDS: Final = 0.1
"""Real time between two steps of the simulation."""
MAX_BOOKING_PERCENT: Final = 99.9
"""The service refuses a booking with a full battery."""


class Pace(Struct, frozen=True):
    """The car books at `critical` percent of its battery. Time passes `time_scale` times as fast.

    `clock` is the service's, which may account for that.
    """

    critical: float = 20.0
    time_scale: float = 120.0
    clock: NetworkClock = MACHINE_CLOCK

    def by(self, clock: NetworkClock) -> "Pace":
        """The pace in a network with this clock: a fast one is the time scale of everything."""
        if clock.speed == 1:
            return self
        return msgspec.structs.replace(self, time_scale=clock.speed, clock=clock)

    def plan(self, reservation: Reservation, now: datetime) -> Visit:
        """Plans the visit for a reservation."""
        return plan_visit(reservation, now, self.time_scale, self.clock)

    @property
    def hours_per_tick(self) -> float:
        return TICK_SECONDS * self.time_scale / 3600


class _ReservationLost(Exception):
    """The reservation has ended without the vehicle, as the event tells."""

    def __init__(self, event: Event) -> None:
        super().__init__(event.reason)
        self.event = event


class SimulatedVehicle:
    """`async with SimulatedVehicle(...)`: drives a connected Vehicle, and follows its events.

    With `quotes` it shows what there is before it books, which TCP cannot.
    """

    def __init__(
        self,
        vehicle: Vehicle,
        car: Car,
        pace: Pace,
        random: Random,
        observer: Observer,
        *,
        wishes: Wishes | None = None,
        quotes: bool = False,
    ) -> None:
        self._vehicle = vehicle
        self._car = car
        self._pace = pace
        self._random = random
        self._observer = observer
        self._wishes = wishes
        self._quotes = quotes
        self._reservation: Reservation | None = None
        self._lost: Event | None = None
        """How the reservation ended that the vehicle has lost."""
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
                await self._use()
            except _ReservationLost as lost:
                self._observer.report(ReservationLost(lost.event))
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
        need = (
            round(self._car.x, 3),
            round(self._car.y, 3),
            _to_book(self._car.battery),
            self._car.capacity,
        )
        if self._quotes:
            self._observer.report(Offered(await self._vehicle.quote(*need, self._wishes)))
        if not await self._observer.agrees(Question.BOOK, self._car):
            self._observer.report(NothingBooked())
            return None
        self._booking = True
        self._reservation = await self._vehicle.book(*need, self._wishes)
        self._booking = False
        return self._reservation

    async def _accept(self, reservation: Reservation) -> bool:
        """Returns whether the driver wants to use the reservation. Otherwise it stays, or is cancelled."""
        self._reservation, self._lost = reservation, None
        self._station = await self._vehicle.station(reservation.station_id)
        self._observer.report(Booked(reservation, self._kilometres(), self._station))
        if await self._observer.agrees(Question.DRIVE_THERE, self._car):
            return True
        if await self._observer.agrees(Question.CANCEL, self._car):
            await self._release(reservation)
            self._observer.report(ReservationCancelled())
        return False

    async def _use(self) -> None:
        departed = arrived = datetime.now(UTC)
        while True:
            self._held()
            arrived += await self._drive_there()
            reservation = self._held()
            visit = made_up(self._pace.plan(reservation, departed), arrived, self._pace.time_scale)
            await self._wait(visit, reservation)
            if self._reservation is reservation:
                break
            arrived = datetime.now(UTC)
        energy = await self._charge(reservation, visit, arrived)
        await self._release(self._reservation or reservation)
        self._observer.report(
            ChargingFinished(reservation, self._car.battery, energy, price_of(reservation, energy))
        )

    def _held(self) -> Reservation:
        """Returns the reservation as it is now, wherever it moved. Raises _ReservationLost without one."""
        if self._reservation is None:
            assert self._lost is not None, "only an event takes a reservation away while it is used"
            raise _ReservationLost(self._lost)
        return self._reservation

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

    async def _wait(self, visit: Visit, reservation: Reservation) -> None:
        """Waits for the charge to begin, or for the reservation to move."""
        while (seconds := (visit.begins - datetime.now(UTC)).total_seconds()) > 0:
            if self._reservation is not reservation:
                return
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
        if self._pace.clock.at(datetime.now(UTC)) < reservation.finish:
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
        if had_reservation:
            self._held()

    async def _listen(self) -> None:
        async for event in self._vehicle.events():
            await self._receive(event)

    async def _receive(self, event: Event) -> None:
        if self._reservation is None or event.key_before != self._reservation.key:
            return
        if event.type in ("reservationCancelled", "reservationNoShow"):
            self._reservation, self._lost = None, event
        elif event.type == "reservationChanged" and event.before is None:
            await asyncio.sleep(STATE_FOLLOWS_SECONDS)
            self._station = await self._vehicle.station(event.reservation.station_id)
            self._observer.report(StationMoved())
        elif event.type == "reservationChanged":
            self._station = await self._vehicle.station(event.reservation.station_id)
            self._reservation = event.reservation
            self._observer.report(ReservationMoved(event, self._kilometres(), self._station))

    def _kilometres(self) -> float | None:
        """Returns how far away the station is; None if nobody knows."""
        return distance(self._car, self._station.x, self._station.y) if self._station else None

    def _simulated_minutes(self, seconds: float) -> float:
        return max(0.0, seconds * self._pace.time_scale / 60)


def _to_book(battery: float) -> float:
    """Rounds the battery up to a tenth of a percent: what is reserved must fit into it."""
    rounded = round(battery, 1)
    return min(rounded if rounded >= battery else round(rounded + 0.1, 1), MAX_BOOKING_PERCENT)
