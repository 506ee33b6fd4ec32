"""A small library for chargers and vehicles of your own, 15 lines each; and the commands built on it."""

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.requester import OutcomeUnknown
from cloud_service.protocol.errors import RequestError
from recharge.charger import Charger
from recharge.records import Event, Point, Reservation, Station
from recharge.tcp import Refused
from recharge.vehicle import Vehicle

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
