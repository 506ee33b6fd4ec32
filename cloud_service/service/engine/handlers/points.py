"""Registers, changes, deletes and lists charging points (docs/mqtt.md, Chargers)."""

from datetime import datetime

from msgspec import UNSET, Struct
from msgspec.structs import replace

from cloud_service.core.changes import Changes
from cloud_service.core.records import FREE, OCCUPIED, RESERVED, Point, reservation_keys
from cloud_service.core.rules import Rules
from cloud_service.core.session_effects import begin_reserved, begin_walk_in, finish, is_time_for
from cloud_service.core.tariffs import Tariff, TariffElement
from cloud_service.core.view import NetworkView
from cloud_service.protocol import requests
from cloud_service.protocol.errors import NotFound
from cloud_service.protocol.replies import SUCCESS
from cloud_service.protocol.requests import (
    DeleteChargingPoint,
    NewChargingPoint,
    ReceiveAllChargingPoints,
    UpdateChargingPoint,
)
from cloud_service.service.engine.caller import Caller
from cloud_service.service.engine.handlers.decision import Decision
from cloud_service.service.engine.handlers.optional import given_or
from cloud_service.service.engine.handlers.pages import page
from cloud_service.service.engine.handlers.stations import events_of, station_for


def new_charging_point(
    network: NetworkView, request: NewChargingPoint, caller: Caller, now: datetime
) -> Decision:
    """Adds a point to a station. The result is its ID."""
    station = station_for(network, request.station_id, caller)
    point_id = station.last_point_id + 1
    point = _described(
        Point(point_id, station.station_id, request.power, request.kwh_price, request.availability), request
    )
    return Decision(point_id, Changes(stations=(replace(station, last_point_id=point_id),), points=(point,)))


class PointUpdater(Struct, frozen=True):
    """Changes points by these rules."""

    rules: Rules

    def __call__(
        self, network: NetworkView, request: UpdateChargingPoint, caller: Caller, now: datetime
    ) -> Decision:
        """Changes a point. To chargers that know nothing of sessions, its availability is what tells of them.

        It stays reserved while it has a reservation, even if its charger says free.
        """
        point = point_for(network, request.station_id, request.point_id, caller)
        changed = _described(replace(point, power=request.power, kwh_price=request.kwh_price), request)
        session = network.session(point.key)
        if request.availability == OCCUPIED and point.availability != OCCUPIED and session is None:
            return Decision(SUCCESS, self._begin(network, changed, now))
        if request.availability != OCCUPIED and point.availability == OCCUPIED and session is not None:
            finished = finish(network, changed, session, now, availability=request.availability)
            return Decision(SUCCESS, finished)
        availability = request.availability
        if availability == FREE and len(network.queue(point.key)):
            availability = RESERVED
        heard = () if session is None else (replace(session, heard=now),)
        updated = replace(changed, availability=availability)
        return Decision(SUCCESS, Changes(points=(updated,), sessions=heard))

    def _begin(self, network: NetworkView, point: Point, now: datetime) -> Changes:
        first = network.queue(point.key).first_reserved
        if first is not None and is_time_for(first, self.rules, now):
            return begin_reserved(network, point, first, now)
        return begin_walk_in(network, point, None, self.rules.walk_in, now)


def delete_charging_point(
    network: NetworkView, request: DeleteChargingPoint, caller: Caller, now: datetime
) -> Decision:
    """Deletes a point and its reservations."""
    point = point_for(network, request.station_id, request.point_id, caller)
    reservations = list(network.queue(point.key))
    station = station_for(network, point.station_id, caller)
    return Decision(
        SUCCESS,
        Changes(
            removed_points=(point.key,),
            removed_reservations=reservation_keys(reservations),
            removed_sessions=(point.key,),
            events=events_of(reservations, "pointDeleted", station.owner, now),
        ),
    )


def receive_all_charging_points(
    network: NetworkView, request: ReceiveAllChargingPoints, caller: Caller, now: datetime
) -> Decision:
    """Lists the points of a station, by ID. Legacy clients get their five keys."""
    station = station_for(network, request.station_id, caller)
    points = page(network.points(station.station_id), request)
    return Decision([point.public() if caller.is_gateway else point.described() for point in points])


def point_for(network: NetworkView, station_id: int, point_id: int, caller: Caller) -> Point:
    """Returns the point that a caller asks for. Raises NotFound, and Forbidden for someone else's station."""
    station = station_for(network, station_id, caller)
    point = network.point((station.station_id, point_id))
    if point is None:
        raise NotFound(f"station {station_id} has no point {point_id}")
    return point


def _described(point: Point, request: NewChargingPoint | UpdateChargingPoint) -> Point:
    """Returns the point with what a request says of it beyond the keys of the legacy protocol."""
    return replace(
        point,
        connector=given_or(request.connector, point.connector),
        operational=request.operational is not False,
        tariff=point.tariff if request.tariff is UNSET else _tariff(request.tariff),
    )


def _tariff(elements: tuple[requests.TariffElement, ...] | None) -> Tariff:
    return tuple(
        TariffElement(element.kwh_price, element.start_time, element.end_time, element.day_of_week)
        for element in elements or ()
    )
