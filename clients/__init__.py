"""A small library for chargers and vehicles of your own, 15 lines each; and the commands built on it."""

from clients.charger import Charger
from clients.legacy import Refused
from clients.records import Event, Point, Reservation, Station
from clients.vehicle import Vehicle
from cloud_service.broker.address import BrokerAddress
from cloud_service.broker.requester import OutcomeUnknown
from cloud_service.protocol.errors import RequestError

__all__ = [
    "BrokerAddress",
    "Charger",
    "Event",
    "OutcomeUnknown",
    "Point",
    "Refused",
    "RequestError",
    "Reservation",
    "Station",
    "Vehicle",
]
