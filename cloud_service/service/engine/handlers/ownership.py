"""Who owns stations, and handing them over: the administrator's business."""

from datetime import datetime

from msgspec.structs import replace

from cloud_service.core.changes import NOTHING, Changes
from cloud_service.core.network import Reader
from cloud_service.protocol.requests import CountStations, TransferStations
from cloud_service.service.engine.caller import Caller
from cloud_service.service.engine.handlers.decision import Decision


def count_stations(network: Reader, request: CountStations, caller: Caller, now: datetime) -> Decision:
    return Decision(len(network.stations_of(request.owner)))


def transfer_stations(network: Reader, request: TransferStations, caller: Caller, now: datetime) -> Decision:
    """All stations of one owner become another's, with their points and reservations as they are."""
    if request.old == request.new:
        return Decision(0)
    stations = tuple(replace(station, owner=request.new) for station in network.stations_of(request.old))
    return Decision(len(stations), Changes(stations=stations) if stations else NOTHING)
