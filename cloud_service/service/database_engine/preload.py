"""What the requests of a batch are likely to touch, loaded with a few statements for all of them."""

from collections.abc import Iterable, Sequence

from cloud_service.core.records import VehicleKey
from cloud_service.database.loaded_network import LoadedNetwork
from cloud_service.protocol.errors import RequestError
from cloud_service.protocol.incoming import Incoming
from cloud_service.protocol.requests import (
    Booking,
    DeleteReservation,
    FindReservation,
    NewChargingStation,
    UpdateChargingStation,
)
from cloud_service.service.engine.caller import Caller


def preload(network: LoadedNetwork, requests: Sequence[Incoming]) -> None:
    """Loads it. What is missing afterwards is loaded when a handler asks for it."""
    bookings = [each.request for each in requests if isinstance(each.request, Booking)]
    network.load_vehicles(_vehicles(requests))
    network.load_nearest((booking.x, booking.y) for booking in bookings)
    network.load_locations(
        (each.request.x, each.request.y)
        for each in requests
        if isinstance(each.request, NewChargingStation | UpdateChargingStation)
    )
    named = (getattr(each.request, "station_id", None) for each in requests)
    network.load(station_id for station_id in named if isinstance(station_id, int))


def _vehicles(requests: Sequence[Incoming]) -> Iterable[VehicleKey]:
    """The vehicles that book, look for a reservation or cancel it."""
    for incoming in requests:
        request = incoming.request
        if isinstance(request, Booking | FindReservation | DeleteReservation):
            try:
                yield Caller(incoming.client).vehicle(request.vehicle_id, "vid")[0]
            except RequestError:  # its handler will say so
                continue
