"""Books, finds, cancels, lists and finishes reservations (docs/mqtt.md, Vehicles)."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from math import isfinite
from typing import Final

from msgspec import UNSET, Struct
from msgspec.structs import replace

from cloud_service.core.changes import NOTHING, Changes, Event
from cloud_service.core.exact import energy_needed, product, quotient
from cloud_service.core.records import FREE, GATEWAY, RESERVED, Number, Point, Reservation, Station
from cloud_service.core.view import NetworkView
from cloud_service.protocol.errors import BadRequest, NotFound
from cloud_service.protocol.replies import SUCCESS
from cloud_service.protocol.requests import (
    CancelBooking,
    DeleteReservation,
    FindReservation,
    ReceiveAllReservations,
    ScheduleReservation,
)
from cloud_service.service.engine.caller import Caller
from cloud_service.service.engine.handlers.decision import Decision
from cloud_service.service.engine.handlers.pages import page
from cloud_service.service.engine.handlers.stations import reservations_at, station_for

NO_HORIZON: Final = timedelta(0)
"""A charge may start at any time."""


class Scheduler(Struct, frozen=True):
    """Books charges no longer than `longest_charge`, which start no later than `horizon` from now."""

    longest_charge: timedelta
    horizon: timedelta = NO_HORIZON

    def __call__(
        self, network: NetworkView, request: ScheduleReservation, caller: Caller, now: datetime
    ) -> Decision:
        """Books the nearest station's point where charging can start first.

        A station where none can start within the horizon is passed over.

        If the vehicle has a reservation already, that one is the result.
        """
        vehicle, vehicle_id = caller.vehicle(request.vehicle_id, "vid")
        booked = network.reservation_of(vehicle)
        if booked is not None:
            return Decision(booked.public())
        try:
            energy = energy_needed(request.capacity, request.percentage)
            station, (point, start, hours) = self._nearest(network, request, energy, now)
            finish = start + timedelta(hours=hours)
            price = _finite(product(energy, point.kwh_price), "the price")
        except OverflowError:
            raise BadRequest("the charge exceeds the range of numbers or dates") from None
        reservation = Reservation(
            reservation_id=point.last_reservation_id + 1,
            station_id=point.station_id,
            point_id=point.point_id,
            power=point.power,
            kwh_price=point.kwh_price,
            vehicle_id=vehicle_id,
            start=start,
            finish=finish,
            duration=hours,
            price=price,
            legacy=caller.is_gateway,
        )
        booked_point = replace(
            point,
            last_reservation_id=reservation.reservation_id,
            availability=RESERVED if point.availability == FREE else point.availability,
        )
        event = Event("reservationScheduled", now, "requested", reservation, station.owner)
        return Decision(
            reservation.public(),
            Changes(points=(booked_point,), reservations=(reservation,), events=(event,)),
        )

    def _nearest(
        self, network: NetworkView, request: ScheduleReservation, energy: Decimal, now: datetime
    ) -> tuple[Station, tuple[Point, datetime, float]]:
        """Returns the nearest station where charging can start within the horizon, and where and when."""
        passed_over = 0
        for station in network.stations_by_distance(request.x, request.y):
            try:
                first = self._first(network, network.points(station.station_id), energy, now)
            except BadRequest:  # the charge would be too long here: it is refused where it would be made
                if not passed_over:
                    raise
            except OverflowError:  # the calendar is full to the end of time
                if self.horizon == NO_HORIZON:
                    raise
            else:
                if self.horizon == NO_HORIZON or first[1] - now <= self.horizon:
                    return station, first
            passed_over += 1
        if passed_over:
            days = self.horizon / timedelta(days=1)
            raise NotFound(f"no charge can start within {days:g} days at any station")
        raise NotFound("there is no station with a charging point")

    def _first(
        self, network: NetworkView, points: list[Point], energy: Decimal, now: datetime
    ) -> tuple[Point, datetime, float]:
        """Returns the point where charging this energy (kWh) can start first, the start, and the hours."""
        choices = []
        longest_hours = self.longest_charge / timedelta(hours=1)
        for point in points:
            hours = quotient(energy, point.power)
            if hours <= longest_hours:
                start = network.queue(point.key).earliest_start(now, timedelta(hours=hours))
                choices.append((start, point.availability != FREE, point.point_id, point, hours))
        if not choices:
            raise BadRequest(
                f"charging {float(energy):g} kWh takes longer than {self.longest_charge.days} days"
            )
        start, _, _, point, hours = min(choices, key=lambda choice: choice[:3])
        return point, start, hours


def find_reservation(
    network: NetworkView, request: FindReservation, caller: Caller, now: datetime
) -> Decision:
    """Finds the vehicle's scheduled reservation."""
    vehicle, vehicle_id = caller.vehicle(request.vehicle_id, "vid")
    reservation = network.reservation_of(vehicle)
    if reservation is None:
        raise NotFound(f"vehicle {vehicle_id!r} has no reservation")
    return Decision(reservation.public())


def delete_reservation(
    network: NetworkView, request: DeleteReservation, caller: Caller, now: datetime
) -> Decision:
    """Cancels the vehicle's reservation."""
    vehicle, vehicle_id = caller.vehicle(request.vehicle_id, "vehicleID")
    reservation = network.reservation_of(vehicle)
    if reservation is None or reservation.reservation_id != request.reservation_id:
        raise NotFound(f"vehicle {vehicle_id!r} has no reservation {request.reservation_id}")
    return Decision(SUCCESS, _cancellation(network, reservation, now))


def cancel_booking(network: NetworkView, request: CancelBooking, caller: Caller, now: datetime) -> Decision:
    """Cancels the reservation of an account's vehicle. The result is how many it had: 0 or 1."""
    reservation = network.reservation_of((False, request.vehicle))
    if reservation is None:
        return Decision(0)
    return Decision(1, _cancellation(network, reservation, now))


def receive_all_reservations(
    network: NetworkView, request: ReceiveAllReservations, caller: Caller, now: datetime
) -> Decision:
    """Lists the scheduled reservations of a station, by point and then by start.

    Legacy clients get their ten keys.
    """
    station = station_for(network, request.station_id, caller)
    reservations = reservations_at(network, station.station_id)
    if request.point_id is not UNSET:
        if network.point((station.station_id, request.point_id)) is None:
            raise NotFound(f"station {station.station_id} has no point {request.point_id}")
        reservations = list(network.queue((station.station_id, request.point_id)))
    if caller.is_gateway:
        return Decision([reservation.public() for reservation in page(reservations, request)])
    points = {point.key: point for point in network.points(station.station_id)}
    return Decision([row.described(points[row.point_key]) for row in page(reservations, request)])


def finish_reservations(network: NetworkView, now: datetime) -> Changes:
    """Lets time pass: reservations whose finish has passed leave the queues."""
    finished = tuple(network.finished(now))
    if not finished:
        return NOTHING
    return Changes(
        removed_reservations=tuple(reservation.key for reservation in finished),
        points=_released(network, finished),
        events=tuple(
            Event("reservationFinished", now, "timePassed", reservation, _owner(network, reservation))
            for reservation in finished
        ),
    )


def _cancellation(network: NetworkView, reservation: Reservation, now: datetime) -> Changes:
    """Returns what changes when a vehicle, or whoever may act for it, cancels its reservation."""
    event = Event("reservationCancelled", now, "vehicleCancelled", reservation, _owner(network, reservation))
    return Changes(
        removed_reservations=(reservation.key,), points=_released(network, (reservation,)), events=(event,)
    )


def _released(network: NetworkView, leaving: Iterable[Reservation]) -> tuple[Point, ...]:
    """Returns the points that become free when these reservations leave."""
    counts: dict[tuple[int, int], int] = {}
    for reservation in leaving:
        counts[reservation.point_key] = counts.get(reservation.point_key, 0) + 1
    released = []
    for key, count in counts.items():
        point = network.point(key)
        if point is not None and point.availability == RESERVED and len(network.queue(key)) == count:
            released.append(replace(point, availability=FREE))
    return tuple(released)


def _owner(network: NetworkView, reservation: Reservation) -> str:
    station = network.station(reservation.station_id)
    return GATEWAY if station is None else station.owner


def _finite(value: Number, name: str) -> Number:
    if not isfinite(value):
        raise BadRequest(f"{name} is out of range")
    return value
