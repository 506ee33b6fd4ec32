"""Registers, changes, deletes and lists charging points (docs/mqtt.md, Chargers)."""

from datetime import datetime

from msgspec.structs import replace

from cloud_service.core.changes import Changes
from cloud_service.core.records import FREE, RESERVED, Point, reservation_keys
from cloud_service.core.view import NetworkView
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
from cloud_service.service.engine.handlers.stations import cancellations, station_for


def new_charging_point(
    network: NetworkView, request: NewChargingPoint, caller: Caller, now: datetime
) -> Decision:
    """Adds a point to a station. The result is its ID."""
    station = station_for(network, request.station_id, caller)
    point_id = station.last_point_id + 1
    point = Point(
        point_id,
        station.station_id,
        request.power,
        request.kwh_price,
        request.availability,
        connector=given_or(request.connector, None),
    )
    return Decision(point_id, Changes(stations=(replace(station, last_point_id=point_id),), points=(point,)))


def update_charging_point(
    network: NetworkView, request: UpdateChargingPoint, caller: Caller, now: datetime
) -> Decision:
    """Changes a point. It stays reserved while it has a reservation, even if its charger says free."""
    point = _point(network, request.station_id, request.point_id, caller)
    availability = request.availability
    if availability == FREE and len(network.queue(point.key)):
        availability = RESERVED
    changed = replace(
        point,
        power=request.power,
        kwh_price=request.kwh_price,
        availability=availability,
        connector=given_or(request.connector, point.connector),
    )
    return Decision(SUCCESS, Changes(points=(changed,)))


def delete_charging_point(
    network: NetworkView, request: DeleteChargingPoint, caller: Caller, now: datetime
) -> Decision:
    """Deletes a point and its reservations."""
    point = _point(network, request.station_id, request.point_id, caller)
    reservations = list(network.queue(point.key))
    station = station_for(network, point.station_id, caller)
    return Decision(
        SUCCESS,
        Changes(
            removed_points=(point.key,),
            removed_reservations=reservation_keys(reservations),
            events=cancellations(reservations, "pointDeleted", station.owner, now),
        ),
    )


def receive_all_charging_points(
    network: NetworkView, request: ReceiveAllChargingPoints, caller: Caller, now: datetime
) -> Decision:
    """Lists the points of a station, by ID. Legacy clients get their five keys."""
    station = station_for(network, request.station_id, caller)
    points = page(network.points(station.station_id), request)
    return Decision([point.public() if caller.is_gateway else point.described() for point in points])


def _point(network: NetworkView, station_id: int, point_id: int, caller: Caller) -> Point:
    station = station_for(network, station_id, caller)
    point = network.point((station.station_id, point_id))
    if point is None:
        raise NotFound(f"station {station_id} has no point {point_id}")
    return point
