"""Counts an account's stations and transfers them to another account, for the administrator."""

from datetime import datetime

from msgspec.structs import replace

from cloud_service.core.changes import NOTHING, Changes
from cloud_service.core.view import NetworkView
from cloud_service.protocol.requests import CountStations, TransferStations
from cloud_service.service.engine.caller import Caller
from cloud_service.service.engine.handlers.decision import Decision


def count_stations(network: NetworkView, request: CountStations, caller: Caller, now: datetime) -> Decision:
    """The result is a number."""
    return Decision(len(network.stations_of(request.owner)))


def transfer_stations(
    network: NetworkView, request: TransferStations, caller: Caller, now: datetime
) -> Decision:
    """Changes only the owner of the stations. The result is their number."""
    if request.old == request.new:
        return Decision(0)
    stations = tuple(replace(station, owner=request.new) for station in network.stations_of(request.old))
    return Decision(len(stations), Changes(stations=stations) if stations else NOTHING)
