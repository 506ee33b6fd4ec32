"""Books, finds, cancels and lists reservations (docs/mqtt.md, Vehicles)."""

from datetime import datetime

from msgspec import UNSET, Struct

from cloud_service.core.changes import Changes
from cloud_service.core.demand import Demand
from cloud_service.core.effects import booked, end
from cloud_service.core.life import follow
from cloud_service.core.records import Reservation
from cloud_service.core.rules import Rules
from cloud_service.core.view import NetworkView
from cloud_service.protocol.errors import NotFound
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
from cloud_service.service.engine.handlers.wishes import best_slots, read_booking


class Scheduler(Struct, frozen=True):
    """Books charges by these rules."""

    rules: Rules

    def __call__(
        self, network: NetworkView, request: ScheduleReservation, caller: Caller, now: datetime
    ) -> Decision:
        """Books the best slot, by the wishes; without any, that of section 1 of the contract.

        If the vehicle has a reservation already, that one is the result.
        """
        vehicle, vehicle_id = caller.vehicle(request.vehicle_id, "vid")
        known = network.reservation_of(vehicle)
        if known is not None:
            return Decision(as_seen_by(caller, known))
        need, wishes = read_booking(request)
        slot = best_slots(network, self.rules, Demand.of(need, wishes), now, 1)[0]
        reservation = Reservation(
            reservation_id=slot.point.last_reservation_id + 1,
            station_id=slot.point.station_id,
            point_id=slot.point.point_id,
            power=slot.point.power,
            kwh_price=slot.kwh_price,
            vehicle_id=vehicle_id,
            start=slot.start,
            finish=slot.finish,
            duration=slot.hours,
            price=slot.price,
            legacy=caller.is_gateway,
            need=need,
            wishes=wishes,
            booked=network.next_booking(now) if wishes.flexible or wishes.speed is not None else None,
        )
        _, events = follow(reservation, "booked", now, slot.station.owner)
        changes = Changes(
            points=(booked(slot.point, reservation),), reservations=(reservation,), events=events
        )
        return Decision(as_seen_by(caller, reservation), changes)


def find_reservation(
    network: NetworkView, request: FindReservation, caller: Caller, now: datetime
) -> Decision:
    """Finds the vehicle's scheduled reservation."""
    vehicle, vehicle_id = caller.vehicle(request.vehicle_id, "vid")
    reservation = network.reservation_of(vehicle)
    if reservation is None:
        raise NotFound(f"vehicle {vehicle_id!r} has no reservation")
    return Decision(as_seen_by(caller, reservation))


def delete_reservation(
    network: NetworkView, request: DeleteReservation, caller: Caller, now: datetime
) -> Decision:
    """Cancels the vehicle's reservation, or ends it if its charge has begun."""
    vehicle, vehicle_id = caller.vehicle(request.vehicle_id, "vehicleID")
    reservation = network.reservation_of(vehicle)
    if reservation is None or reservation.reservation_id != request.reservation_id:
        raise NotFound(f"vehicle {vehicle_id!r} has no reservation {request.reservation_id}")
    return Decision(SUCCESS, end(network, (reservation,), "vehicleCancelled", now))


def cancel_booking(network: NetworkView, request: CancelBooking, caller: Caller, now: datetime) -> Decision:
    """Cancels the reservation of an account's vehicle. The result is how many it had: 0 or 1."""
    reservation = network.reservation_of((False, request.vehicle))
    if reservation is None:
        return Decision(0)
    return Decision(1, end(network, (reservation,), "vehicleCancelled", now))


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
    return Decision([row.described(points[row.point_key].connector) for row in page(reservations, request)])


def as_seen_by(caller: Caller, reservation: Reservation) -> dict[str, object]:
    """The reservation as replies have it: legacy clients get their ten keys."""
    return reservation.public() if caller.is_gateway else reservation.described()
