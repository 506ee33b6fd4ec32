"""Sessions: a charger tells when a vehicle is there, and when it has gone (docs/mqtt.md, Sessions)."""

from datetime import datetime, timedelta

from msgspec import Struct, UnsetType

from cloud_service.core.changes import Changes
from cloud_service.core.effects import end
from cloud_service.core.records import Point, Reservation, VehicleKey
from cloud_service.core.rules import Rules
from cloud_service.core.session_effects import (
    begin_on_other_point,
    begin_reserved,
    begin_walk_in,
    finish,
    is_time_for,
    read_meter,
)
from cloud_service.core.sessions import Session
from cloud_service.core.view import NetworkView
from cloud_service.protocol.errors import Conflict, NotFound
from cloud_service.protocol.replies import SUCCESS
from cloud_service.protocol.requests import CancelReservation, FinishCharging, MeterCharging, StartCharging
from cloud_service.service.engine.caller import Caller
from cloud_service.service.engine.handlers.decision import Decision
from cloud_service.service.engine.handlers.optional import or_none
from cloud_service.service.engine.handlers.points import point_for
from cloud_service.service.engine.handlers.reservations import as_seen_by


class SessionStarter(Struct, frozen=True):
    """Begins sessions by these rules."""

    rules: Rules

    def __call__(
        self, network: NetworkView, request: StartCharging, caller: Caller, now: datetime
    ) -> Decision:
        """Begins a session. The result is the reservation that it begins; None for a walk-in."""
        point = point_for(network, request.station_id, request.point_id, caller)
        if network.session(point.key) is not None:
            raise Conflict(f"a session is under way on {_named(point)}")
        vehicle, reservation = _vehicle(network, request, caller)
        if vehicle is not None and network.session_of(vehicle) is not None:
            raise Conflict(f"vehicle {vehicle[1]!r} charges elsewhere")
        first = network.queue(point.key).first_reserved
        if first is not None and vehicle in (None, first.vehicle) and is_time_for(first, self.rules, now):
            return _begun(begin_reserved(network, point, first, now), caller)
        is_elsewhere = reservation is not None and reservation.point_key != point.key
        if reservation is not None and is_elsewhere and is_time_for(reservation, self.rules, now):
            return _begun(_begin_elsewhere(network, point, reservation, self.rules, now), caller)
        if first is not None and is_time_for(first, self.rules, now):
            raise Conflict(f"a reservation of {_named(point)} starts at {first.start.isoformat()}")
        hours = or_none(request.hours)
        lasting = self.rules.walk_in if hours is None else timedelta(hours=hours)
        return Decision(None, begin_walk_in(network, point, vehicle, lasting, now))


def finish_charging(network: NetworkView, request: FinishCharging, caller: Caller, now: datetime) -> Decision:
    """Ends the session at a point, and the reservation that it serves."""
    point = point_for(network, request.station_id, request.point_id, caller)
    session = _session_at(network, point)
    return Decision(SUCCESS, finish(network, point, session, now, energy=or_none(request.energy)))


def meter_charging(network: NetworkView, request: MeterCharging, caller: Caller, now: datetime) -> Decision:
    """Keeps with a session what it has charged so far."""
    point = point_for(network, request.station_id, request.point_id, caller)
    session = _session_at(network, point)
    return Decision(SUCCESS, read_meter(session, request.energy, or_none(request.power), now))


def cancel_reservation(
    network: NetworkView, request: CancelReservation, caller: Caller, now: datetime
) -> Decision:
    """Cancels a reservation for its charger."""
    point = point_for(network, request.station_id, request.point_id, caller)
    for reservation in network.queue(point.key):
        if reservation.reservation_id == request.reservation_id:
            return Decision(SUCCESS, end(network, (reservation,), "chargerCancelled", now))
    raise NotFound(f"{_named(point)} has no reservation {request.reservation_id}")


def _session_at(network: NetworkView, point: Point) -> Session:
    session = network.session(point.key)
    if session is None:
        raise NotFound(f"no session is under way on {_named(point)}")
    return session


def _vehicle(
    network: NetworkView, request: StartCharging, caller: Caller
) -> tuple[VehicleKey | None, Reservation | None]:
    """Returns the vehicle that a charger names, and its reservation at this station that has not begun.

    The vehicle may be an account's or a legacy client's; of two reservations, the earlier counts.
    """
    if isinstance(request.vehicle_id, UnsetType):
        return None, None
    name = str(request.vehicle_id)
    known = (network.reservation_of((legacy, name)) for legacy in (False, True))
    here = [each for each in known if each is not None and each.station_id == request.station_id]
    if not here:
        return (caller.is_gateway, name), None
    reservation = min(here, key=lambda each: each.start)
    return reservation.vehicle, reservation if reservation.state == "reserved" else None


def _begin_elsewhere(
    network: NetworkView, point: Point, reservation: Reservation, rules: Rules, now: datetime
) -> Changes:
    changes = begin_on_other_point(network, point, reservation, rules, now)
    if changes is None:
        raise Conflict(
            f"vehicle {reservation.vehicle_id!r} has reserved point {reservation.point_id},"
            f" and {_named(point)} is not free for as long"
        )
    return changes


def _begun(changes: Changes, caller: Caller) -> Decision:
    (reservation,) = changes.reservations
    return Decision(as_seen_by(caller, reservation), changes)


def _named(point: Point) -> str:
    return f"point {point.point_id} of station {point.station_id}"
