"""What the HTTP interface tells about stations."""

import math
from collections.abc import Callable, Iterator
from typing import Any

from cloud_service.mqtt.requester import Requester
from cloud_service.overview.lists import list_reservations
from cloud_service.overview.overview import Overview
from cloud_service.overview.station import Station


class Stations:
    """Answers from the overview; it asks the service for a station's queues."""

    def __init__(self, overview: Overview, requester: Requester) -> None:
        self._overview = overview
        self._requester = requester

    def find(self, number: int) -> Station | None:
        station = self._overview.stations.get(number)
        return station if station is not None and station.place is not None else None

    def page(self, matches: Callable[[Station], bool], near: tuple[float, float] | None) -> list[Station]:
        """The stations that match, by ID; the nearest first if `near` is a place."""
        found = [station for station in self._overview.known_stations() if matches(station)]
        return sorted(found, key=lambda station: (distance(station, near) if near else 0, station.number))

    async def details(self, station: Station) -> dict[str, Any]:
        """The station with each point's queue, without vehicles' names.

        Raises RequestError, OutcomeUnknown or ConnectionError if the service does not tell.
        """
        queues: dict[int, list[dict[str, Any]]] = {}
        async for reservation in list_reservations(self._requester, station.number):
            shown = {key: reservation.get(key) for key in ("startDateTime", "finishDateTime", "state")}
            queues.setdefault(reservation["chargingPointID"], []).append(shown)
        described = describe(station)
        for point in described["points"]:
            point["reservations"] = queues.get(point["chargingPointID"], [])
        presence = self._overview.presence_of(station.number)
        described["presence"] = presence and {"online": presence[0], "since": presence[1]}
        return described


def describe(station: Station) -> dict[str, Any]:
    """A station with its points, in the words of the MQTT interface."""
    assert station.place is not None
    return {
        "chargingStationID": station.number,
        "x_position": station.place.x,
        "y_position": station.place.y,
        "name": station.place.name,
        "address": station.place.address,
        "offline": station.offline,
        "points": list(_points(station)),
    }


def _points(station: Station) -> Iterator[dict[str, Any]]:
    for number, point in sorted(station.points.items()):
        yield {
            "chargingPointID": number,
            "power": point.power,
            "kWhPrice": point.price,
            "state": station.state_of(point),
            "connector": point.connector,
            "queueLength": point.queue_length,
            "freeFrom": point.free_from,
            "session": point.session,
        }


def distance(station: Station, place: tuple[float, float]) -> float:
    assert station.place is not None
    return math.dist((station.place.x, station.place.y), place)
