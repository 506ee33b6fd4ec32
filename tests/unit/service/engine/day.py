"""A day at a station: a bench that tells what vehicles hear.

Every charge is one of 10 kWh at a point of 10 kW, so that it takes an hour, unless a story says otherwise.
"""

import json
from datetime import datetime, timedelta
from typing import Any

from cloud_service.service.engine.limits import EngineLimits
from tests.unit.service.engine.bench import Bench

MINUTE = timedelta(minutes=1)


class Day(Bench):
    """A bench with one station of `charger`, and the events as short texts."""

    def __init__(self, points: int = 1, limits: EngineLimits | None = None) -> None:
        super().__init__(limits=limits)
        self.station("charger", points=points)
        self.told()

    def start(self, vehicle: str | None = None, point: int = 1, **values: Any) -> Any:
        named = {} if vehicle is None else {"vehicleID": vehicle}
        return self.ask(
            "charger", "startCharging", chargingStationID=1, chargingPointID=point, **named, **values
        )

    def finish(self, point: int = 1, **values: Any) -> Any:
        return self.ask("charger", "finishCharging", chargingStationID=1, chargingPointID=point, **values)

    def meter(self, energy: float, point: int = 1, **values: Any) -> Any:
        keys = {"chargingStationID": 1, "chargingPointID": point}
        return self.ask("charger", "meterCharging", energy=energy, **keys, **values)

    def record(self, started: float, finished: float, energy: float = 5, **values: Any) -> Any:
        """The times are in minutes from now."""
        keys = {"chargingStationID": 1, "chargingPointID": 1, "energy": energy}
        start, finish = (self.now + minutes * MINUTE for minutes in (started, finished))
        times = {"startDateTime": start.isoformat(), "finishDateTime": finish.isoformat()}
        return self.ask("charger", "recordCharging", **{**keys, **times, **values})

    def update(self, point: int = 1, availability: str = "livre", **values: Any) -> Any:
        keys = {"chargingStationID": 1, "chargingPointID": point, "power": 10, "kWhPrice": 1}
        return self.ask("charger", "updateChargingPoint", availability=availability, **keys, **values)

    def availability(self, point: int = 1) -> str:
        points = self.ask("charger", "receiveAllChargingPoints", chargingStationID=1)
        return str(points[point - 1]["availability"])

    def find(self, vehicle: str) -> Any:
        return self.ask(vehicle, "findReservation")

    def later(self, minutes: float) -> list[tuple[str, str, str]]:
        """Lets time pass, and returns what vehicles were told."""
        self.turn(minutes=minutes)
        return self.told()

    def told(self) -> list[tuple[str, str, str]]:
        """The events since the last call: who was told, its type and its reason."""
        told = []
        for outgoing in self.events():
            body = json.loads(outgoing.message.payload)
            *_, client, kind = outgoing.message.topic.split("/")
            if client not in ("charger", "other"):
                told.append((client, kind, body["reason"]))
        return told


def minutes_from(day: Day, text: str) -> float:
    return (datetime.fromisoformat(text) - day.now) / MINUTE


def place_of(day: Day, vehicle: str) -> tuple[int, int]:
    found = day.find(vehicle)
    return found["chargingStationID"], found["chargingPointID"]
