"""A run: what people and chargers do, in the time of a service that goes by a policy."""

from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from heapq import heappop, heappush
from itertools import count
from typing import Final, TypeAlias

from msgspec import Struct

from cloud_service.core.changes import Event
from cloud_service.core.records import PointKey, Reservation
from cloud_service.simulation.figures import Figures, Served, Stood, Tally
from cloud_service.simulation.policies import Policy
from cloud_service.simulation.scenario import Breakdown, Conditions, Scenario, Trip
from cloud_service.simulation.service import Service
from cloud_service.simulation.service_in_memory import ServiceInMemory
from cloud_service.simulation.vehicles import Vehicle

MOST_BOOKINGS: Final = 3
"""After so many bookings that came to nothing, a driver goes elsewhere."""
LEAST_SHARE: Final = 0.25
"""Nobody leaves before this share of the charge."""

_Deed: TypeAlias = Callable[[datetime], None]


class _Charge(Struct, frozen=True):
    """A vehicle holds a point, in truth. It draws power until `full`."""

    vehicle: Vehicle
    reservation: Reservation
    since: datetime
    full: datetime
    leaves: datetime

    def energy(self, lasting: timedelta) -> float:
        """What it draws in this time, in kWh."""
        return lasting / timedelta(hours=float(self.reservation.duration)) * self.vehicle.trip.energy


def simulate(scenario: Scenario, policy: Policy, conditions: Conditions) -> Figures:
    """Lets a scenario happen to the end. The same arguments give the same figures."""
    return World(scenario, ServiceInMemory(scenario.places, policy, conditions), conditions).run()


class World:
    """The vehicles and points as they are. What the service believes of them may differ."""

    def __init__(self, scenario: Scenario, service: Service, conditions: Conditions) -> None:
        self.service = service
        self.charging: dict[PointKey, _Charge] = {}
        self.tally = Tally()
        self._scenario = scenario
        self._conditions = conditions
        self._vehicles: dict[str, Vehicle] = {}
        self._broken: set[PointKey] = set()
        self._waiting: dict[PointKey, deque[Vehicle]] = {}
        self._agenda: list[tuple[datetime, int, _Deed]] = []
        self._numbers = count()
        for number, trip in enumerate(scenario.trips, 1):
            booked = trip.at if self.service.takes_wishes else trip.wanted
            self._at(booked, partial(self._want, f"v{number}", trip))
        for breakdown in scenario.breakdowns:
            self._at(breakdown.at, partial(self._break, breakdown))
            self._at(breakdown.repaired, partial(self._repair, breakdown))

    def run(self, watch: _Deed = lambda now: None) -> Figures:
        """Goes from one moment at which something happens to the next. `watch` is called after each.

        Who leaves at the very moment at which the charge was to end has not stayed longer.
        """
        while self._agenda:
            planned = self._agenda[0][0]
            now = self.service.advance(planned)
            if now >= planned:
                heappop(self._agenda)[2](now)
            self._hear(now)
            watch(now)
        return self.tally.figures(self._scenario)

    def _at(self, moment: datetime, deed: _Deed) -> None:
        heappush(self._agenda, (moment, next(self._numbers), deed))

    # What drivers do

    def _want(self, name: str, trip: Trip, now: datetime) -> None:
        vehicle = self._vehicles[name] = Vehicle(name, trip)
        self._book(vehicle, now)

    def _book(self, vehicle: Vehicle, now: datetime) -> None:
        vehicle.bookings += 1
        vehicle.reservation = None
        if vehicle.bookings <= MOST_BOOKINGS:
            vehicle.reservation = self.service.book(
                vehicle.name, vehicle.place(now), vehicle.trip, self._conditions.speed, now
            )
        if vehicle.reservation is None:
            self._go_elsewhere(vehicle)
        else:
            self._head_for(vehicle, vehicle.reservation, now)

    def _go_elsewhere(self, vehicle: Vehicle) -> None:
        vehicle.plan += 1
        vehicle.doing = "done"

    def _head_for(self, vehicle: Vehicle, reservation: Reservation, now: datetime) -> None:
        vehicle.plan += 1
        vehicle.doing = "driving"
        vehicle.reservation = reservation
        place = self.service.place(reservation.station_id)
        if place is None or not vehicle.trip.comes:
            return
        if reservation.start > vehicle.trip.wanted + self._conditions.horizon:
            self._go_elsewhere(vehicle)
            self.service.cancel(vehicle.name, now)
            return
        there = vehicle.drive(place, self._conditions.speed, now)
        self._at(vehicle.arrival(there, reservation.start), partial(self._arrive, vehicle, vehicle.plan))

    def _arrive(self, vehicle: Vehicle, plan: int, now: datetime) -> None:
        if plan != vehicle.plan:
            return
        vehicle.place(now)
        vehicle.has_come()
        if vehicle.reservation is None:
            self._book(vehicle, now)
            return
        self.tally.arrivals += 1
        if not self._plug_in(vehicle, vehicle.reservation, now):
            self.tally.stood.append(Stood(vehicle.name, vehicle.reservation, now))
            vehicle.doing = "waiting"
            self._waiting.setdefault(vehicle.reservation.point_key, deque()).append(vehicle)
            self._at(now + self._conditions.patience, partial(self._lose_patience, vehicle, plan))

    def _plug_in(self, vehicle: Vehicle, reservation: Reservation, now: datetime) -> bool:
        """Begins to charge if the point is free and works. Returns whether it did."""
        key = reservation.point_key
        if key in self.charging or key in self._broken or not self.service.begin(vehicle.name, key, now):
            return False
        vehicle.plan += 1
        vehicle.doing = "charging"
        lasting = timedelta(hours=float(reservation.duration))
        stays = max(lasting + vehicle.trip.overstay, LEAST_SHARE * lasting)
        charge = _Charge(vehicle, reservation, now, now + min(lasting, stays), now + stays)
        self.charging[key] = charge
        self._at(charge.leaves, partial(self._leave, key, charge))
        return True

    def _leave(self, key: PointKey, charge: _Charge, now: datetime) -> None:
        if self.charging.get(key) is not charge:
            return
        self._served(charge)
        self._unplug(key, charge, now)
        self._let_in(key, now)

    def _lose_patience(self, vehicle: Vehicle, plan: int, now: datetime) -> None:
        if plan == vehicle.plan and vehicle.doing == "waiting":
            self.service.cancel(vehicle.name, now)
            self._book(vehicle, now)

    # What happens to points

    def _break(self, breakdown: Breakdown, now: datetime) -> None:
        """Who charges there goes without having been served."""
        key = breakdown.station, breakdown.point
        self._broken.add(key)
        charge = self.charging.get(key)
        if charge is not None:
            charge.vehicle.doing = "done"
            self._unplug(key, charge, now)
        self.service.tell_operational(key, False, now)

    def _repair(self, breakdown: Breakdown, now: datetime) -> None:
        key = breakdown.station, breakdown.point
        self._broken.discard(key)
        self.service.tell_operational(key, True, now)
        self._let_in(key, now)

    def _unplug(self, key: PointKey, charge: _Charge, now: datetime) -> None:
        del self.charging[key]
        counted_until = min(charge.full, now, self._scenario.end)
        counted = max(timedelta(), counted_until - charge.since)
        self.tally.charged += counted
        self.tally.energy += charge.energy(counted)
        charge.vehicle.doing = "done"
        self.service.finish(
            charge.vehicle.name, key, charge.energy(min(charge.full, now) - charge.since), now
        )

    def _let_in(self, key: PointKey, now: datetime) -> None:
        """Those who stand before a point may begin, the first first."""
        self._hear(now)
        for vehicle in list(self._waiting.get(key, ())):
            reservation = vehicle.reservation if vehicle.doing == "waiting" else None
            stands_here = reservation is not None and reservation.point_key == key
            if reservation is None or not stands_here or self._plug_in(vehicle, reservation, now):
                self._waiting[key].remove(vehicle)

    # What the service tells

    def _hear(self, now: datetime) -> None:
        for event in self.service.take_events():
            vehicle = self._vehicles.get(str(event.reservation.vehicle_id))
            if vehicle is not None and vehicle.doing in ("driving", "waiting"):
                self._react(vehicle, event, now)

    def _react(self, vehicle: Vehicle, event: Event, now: datetime) -> None:
        if event.type == "reservationChanged":
            self.tally.moved += 1
            self._head_for(vehicle, event.reservation, now)
        elif event.type in ("reservationNoShow", "reservationFinished") or event.reason in _LOST:
            vehicle.reservation = None
            if not vehicle.trip.comes:
                vehicle.doing = "done"
            elif vehicle.doing == "waiting" or event.reason in _LOST:
                self._book(vehicle, now)

    def _served(self, charge: _Charge) -> None:
        vehicle, trip = charge.vehicle, charge.vehicle.trip
        self.tally.served.append(
            Served(
                waiting=charge.since - max(trip.at + vehicle.driving, trip.wanted) - trip.late,
                until_finished=charge.full - trip.wanted,
                distance=vehicle.kilometres,
                price=float(charge.reservation.price) / trip.energy,
            )
        )


_LOST: Final = frozenset({"overrun", "pointFailed"})
"""Reasons for which the service cancels what it cannot move."""
