"""Registers, moves and deletes stations (docs/mqtt.md, Chargers)."""

from datetime import datetime

from msgspec.structs import replace

from cloud_service.core.changes import NOTHING, Changes, Event
from cloud_service.core.life import Happening, follow
from cloud_service.core.records import Reservation, Station, reservation_keys
from cloud_service.core.view import NetworkView
from cloud_service.protocol.errors import Conflict, Forbidden, NotFound
from cloud_service.protocol.replies import SUCCESS
from cloud_service.protocol.requests import DeleteChargingStation, NewChargingStation, UpdateChargingStation
from cloud_service.service.engine.caller import Caller
from cloud_service.service.engine.handlers.decision import Decision
from cloud_service.service.engine.handlers.optional import given_or


def new_charging_station(
    network: NetworkView, request: NewChargingStation, caller: Caller, now: datetime
) -> Decision:
    """Registers a station. If its owner has one at this location already, that one is the result.

    A name and an address that the request gives are those of the station from now on, in both cases.
    """
    existing = network.station_at(request.x, request.y)
    if existing is not None:
        if existing.owner != caller.owner:
            raise Conflict(f"the station at ({request.x}, {request.y}) belongs to another owner")
        described = _describe(existing, request)
        changes = NOTHING if described == existing else Changes(stations=(described,))
        return Decision(existing.station_id, changes)
    station = _describe(Station(network.last_station_id + 1, request.x, request.y, caller.owner), request)
    return Decision(station.station_id, Changes(stations=(station,), last_station_id=station.station_id))


def update_charging_station(
    network: NetworkView, request: UpdateChargingStation, caller: Caller, now: datetime
) -> Decision:
    """Moves a station. Its reservations do not change, but an event for each says that the station moved."""
    station = station_for(network, request.station_id, caller)
    moved = _describe(replace(station, x=request.x, y=request.y), request)
    if moved.location == station.location:
        return Decision(SUCCESS, Changes(stations=(moved,)))
    if network.station_at(request.x, request.y) is not None:
        raise Conflict(f"there is already another station at ({request.x}, {request.y})")
    reservations = reservations_at(network, station.station_id)
    events = events_of(reservations, "stationMoved", station.owner, now)
    return Decision(SUCCESS, Changes(stations=(moved,), events=events))


def delete_charging_station(
    network: NetworkView, request: DeleteChargingStation, caller: Caller, now: datetime
) -> Decision:
    """Deletes a station, its points and their reservations."""
    station = station_for(network, request.station_id, caller)
    reservations = reservations_at(network, station.station_id)
    points = tuple(point.key for point in network.points(station.station_id))
    return Decision(
        SUCCESS,
        Changes(
            removed_stations=(station.station_id,),
            removed_points=points,
            removed_reservations=reservation_keys(reservations),
            removed_sessions=points,
            events=events_of(reservations, "stationDeleted", station.owner, now),
        ),
    )


def station_for(network: NetworkView, station_id: int, caller: Caller) -> Station:
    """Returns the station that a caller asks for: its own, or any station for operators and monitors.

    Raises NotFound if it does not exist, and Forbidden if it is someone else's. The table of actions says
    what monitors may do at all.
    """
    station = network.station(station_id)
    if station is None:
        raise NotFound(f"there is no station {station_id}")
    if station.owner != caller.owner and not caller.sees_all_stations:
        raise Forbidden(f"station {station_id} is not yours")
    return station


def reservations_at(network: NetworkView, station_id: int) -> list[Reservation]:
    """Returns the scheduled reservations of a station, by point and then by start."""
    return [reservation for point in network.points(station_id) for reservation in network.queue(point.key)]


def events_of(
    reservations: list[Reservation], happening: Happening, owner: str, now: datetime
) -> tuple[Event, ...]:
    """Returns the events of something that happens to many reservations of a station."""
    return tuple(
        event for reservation in reservations for event in follow(reservation, happening, now, owner)[1]
    )


def _describe(station: Station, request: NewChargingStation | UpdateChargingStation) -> Station:
    name, address = given_or(request.name, station.name), given_or(request.address, station.address)
    return replace(station, name=name, address=address)
