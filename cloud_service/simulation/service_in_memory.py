"""The service without a disk and a broker: its handlers and its rules, on a network in memory."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Final

from msgspec.structs import replace

from cloud_service.core.changes import Event
from cloud_service.core.network import Network
from cloud_service.core.records import FREE, Point, PointKey, Reservation, Station
from cloud_service.core.tables import Tables
from cloud_service.protocol.actions import ACTIONS
from cloud_service.protocol.errors import NotFound, RequestError
from cloud_service.protocol.requests import (
    DeleteReservation,
    FinishCharging,
    Request,
    ScheduleReservation,
    StartCharging,
    UpdateChargingPoint,
)
from cloud_service.service.engine.batch import Batch
from cloud_service.service.engine.caller import Caller
from cloud_service.service.engine.dispatch import dispatch
from cloud_service.service.engine.handlers import bind_handlers
from cloud_service.simulation.policies import Policy
from cloud_service.simulation.scenario import Conditions, Place, Trip

OWNER: Final = Caller("simulation")
"""Owns all stations, and speaks for their chargers."""

_ACTIONS: Final = {action.request: action for action in ACTIONS.values()}


class ServiceInMemory:
    """A service that goes by a policy. Times do not run backwards.

    After each call, `told` has the events that are new.
    """

    def __init__(self, places: Sequence[Place], policy: Policy, conditions: Conditions) -> None:
        rules = policy.rules(conditions)
        self.network = Network(_tables(places), rules, policy.new_queue)
        self.told: list[Event] = []
        self._policy = policy
        self._handlers = bind_handlers(rules)

    def let_time_pass(self, now: datetime) -> None:
        """Makes what is due by now. Batches follow until nothing is left for the next."""
        done = False
        while not done:
            with Batch(self.network, now) as batch:
                done = batch.let_time_pass()
                self._keep(batch)

    def advance(self, until: datetime) -> datetime:
        """Lets time pass until something is due before this moment, or to this moment."""
        due = self.network.next_moment
        if due is None or due >= until:
            return until
        self.let_time_pass(due)
        return due

    def place(self, station_id: int) -> tuple[float, float] | None:
        """Where a station is."""
        station = self.network.station(station_id)
        return None if station is None else (float(station.x), float(station.y))

    @property
    def takes_wishes(self) -> bool:
        """Whether vehicles can book ahead. Those of the old server's time book when they want to charge."""
        return self._policy.objective is not None

    def book(
        self, vehicle: str, place: tuple[float, float], trip: Trip, speed: float, now: datetime
    ) -> Reservation | None:
        """Books by the policy. None if nothing fits."""
        asked = ScheduleReservation(x=place[0], y=place[1], percentage=0, capacity=trip.energy)
        if self._policy.objective is None:
            asked = self._as_with_the_old_server(asked)
        else:
            asked = replace(
                asked,
                objective=self._policy.objective,
                speed=speed,
                flexible=self._policy.flexible,
                not_before=max(now, trip.wanted),
            )
        try:
            self._ask(asked, Caller(vehicle), now)
        except NotFound:
            return None
        return self.network.reservation_of((False, vehicle))

    def cancel(self, vehicle: str, now: datetime) -> None:
        """Cancels the reservation of a vehicle, if it has one."""
        known = self.network.reservation_of((False, vehicle))
        if known is not None:
            self._ask(DeleteReservation(reservation_id=known.reservation_id), Caller(vehicle), now)

    def begin(self, vehicle: str, key: PointKey, now: datetime) -> bool:
        """A charger tells that a vehicle is there. Returns whether it may charge.

        The old server's chargers told nothing, and its vehicles charge where they find a free point.
        """
        if not self.takes_wishes:
            return True
        try:
            self._ask(StartCharging(station_id=key[0], point_id=key[1], vehicle_id=vehicle), OWNER, now)
        except RequestError:
            return False
        return True

    def finish(self, vehicle: str, key: PointKey, energy: float, now: datetime) -> None:
        """A charger tells that a vehicle has gone, unless its session has ended for the service before."""
        session = self.network.session(key)
        if session is not None and session.vehicle == (False, vehicle):
            self._ask(FinishCharging(station_id=key[0], point_id=key[1], energy=energy), OWNER, now)

    def tell_operational(self, key: PointKey, operational: bool, now: datetime) -> None:
        """A charger tells that its point has failed, or works again. The old server's could not."""
        point = self.network.point(key)
        if not self._policy.moves or point is None:
            return
        self._ask(
            UpdateChargingPoint(
                point_id=key[1],
                station_id=key[0],
                power=point.power,
                kwh_price=point.kwh_price,
                availability=FREE,
                operational=operational,
            ),
            OWNER,
            now,
        )

    def take_events(self) -> Iterator[Event]:
        """The events since the last call, oldest first; also those that come up meanwhile."""
        while self.told:
            yield self.told.pop(0)

    def _as_with_the_old_server(self, asked: ScheduleReservation) -> ScheduleReservation:
        """Asks for the point with the shortest queue of the nearest station."""
        for station in islice(self.network.stations_by_distance(asked.x, asked.y), 1):
            points = self.network.points(station.station_id)
            shortest = min(points, key=lambda point: (len(self.network.queue(point.key)), point.point_id))
            return replace(asked, station_id=shortest.station_id, point_id=shortest.point_id)
        return asked

    def _ask(self, request: Request, caller: Caller, now: datetime) -> None:
        with Batch(self.network, now) as batch:
            decision = dispatch(_ACTIONS[type(request)], self._handlers, self.network, request, caller, now)
            batch.apply(decision.changes)
            self._keep(batch)
        self.let_time_pass(now)

    def _keep(self, batch: Batch) -> None:
        batch.keep()
        self.told += (event for changes in batch.changes for event in changes.events)


def _tables(places: Sequence[Place]) -> Tables:
    """The stations and points, whose chargers all tell of sessions."""
    stations = [
        Station(number, place.x, place.y, OWNER.name, last_point_id=len(place.points))
        for number, place in enumerate(places, 1)
    ]
    points = [
        Point(point_id, station_id, port.power, port.price, FREE, tells_sessions=True, tariff=port.tariff)
        for station_id, place in enumerate(places, 1)
        for point_id, port in enumerate(place.points, 1)
    ]
    return Tables(
        {station.station_id: station for station in stations},
        {point.key: point for point in points},
        last_station_id=len(stations),
    )
