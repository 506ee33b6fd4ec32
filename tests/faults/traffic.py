"""Requests of a few chargers and vehicles, as random as they come, for a service in the same process."""

from datetime import UTC, datetime
from random import Random
from typing import Any, Final

import msgspec

from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
_CHARGERS = ("charger-a", "charger-b", "gateway")
_OPEN_STATION: Final = {"chargingStationID": 1}
"""The station of charger-a, at which vehicles come and go."""


def _opening() -> list[tuple[str, str, dict[str, Any]]]:
    """A station with two points, for vehicles to book from the beginning."""
    point = {"chargingStationID": 1, "power": 50, "kWhPrice": 0.5, "availability": "livre"}
    return [
        ("newChargingStation", "charger-a", {"x_position": 1, "y_position": 1}),
        ("newChargingPoint", "charger-a", point),
        ("newChargingPoint", "charger-a", point),
    ]


class Traffic:
    """Makes one request after the other. A few are sent again with the ID that they had."""

    def __init__(self, random: Random, vehicles: int = 8) -> None:
        self._random = random
        self._vehicles = [f"vehicle-{number}" for number in range(vehicles)]
        self._sent: list[Message] = []
        self._number = 0
        self._opening = _opening()

    def reseed(self, seed: int) -> None:
        """What comes next depends on this seed alone."""
        self._random = Random(seed)

    def next(self) -> Message:
        if self._sent and self._random.random() < 0.1:
            return self._random.choice(self._sent)
        action, client, values = self._request()
        self._number += 1
        body = msgspec.json.encode({**values, "requestID": f"request-{self._number}"})
        message = Message(topics.request(action, client), body)
        self._sent.append(message)
        return message

    def _request(self) -> tuple[str, str, dict[str, Any]]:
        if self._opening:
            return self._opening.pop(0)
        random = self._random
        charger = random.choice(_CHARGERS)
        station = {"chargingStationID": random.randint(1, 4)}
        place: dict[str, Any] = {"x_position": random.randint(0, 3), "y_position": random.randint(0, 2)}
        point = {"chargingPointID": random.randint(1, 3)}
        equipment: dict[str, Any] = {
            "power": random.choice((7, 22.5, 50)),
            "kWhPrice": random.choice((0, 1, 0.25)),
            "availability": random.choice(("livre", "livre", "ocupado", "reservado")),
        }
        name = random.choice(({}, {"name": f"station {random.randint(1, 9)}"}, {"name": None}))
        address = random.choice(({}, {"address": f"street {random.randint(1, 9)}"}))
        equipment |= random.choice(({}, {"connector": "CHADEMO"}, {"connector": None}))
        equipment |= random.choice(({}, {}, {"operational": random.random() < 0.7}))
        equipment |= random.choice(
            ({}, {}, {"tariff": [{"start_time": "13:00", "kWhPrice": 0.5}]}, {"tariff": None})
        )
        vehicle = random.choice(self._vehicles)
        named = random.choice(({}, {"vehicleID": vehicle}, {"vehicleID": random.randint(1, 4)}))
        wishes = random.choice(
            ({}, {"flexible": True}, {"objective": "earliest", "speed": 40, "flexible": True})
        )
        battery = {
            "x": random.uniform(0, 3),
            "y": random.uniform(0, 2),
            "actualBatteryPercentage": random.randint(0, 90),
            "batteryCapacity": random.choice((20, 60.5)),
        }
        chances: list[tuple[int, tuple[str, str, dict[str, Any]]]] = [
            (4, ("newChargingStation", charger, place | name)),
            (1, ("updateChargingStation", charger, station | place | name | address)),
            (1, ("deleteChargingStation", charger, station)),
            (6, ("newChargingPoint", charger, station | equipment)),
            (3, ("updateChargingPoint", charger, station | point | equipment)),
            (1, ("deleteChargingPoint", charger, station | point)),
            (1, ("receiveAllReservations", charger, station)),
            (12, ("scheduleReservation", vehicle, battery | wishes)),
            (3, ("scheduleReservation", "gateway", battery | {"vid": random.randint(1, 4)})),
            (1, ("findReservation", vehicle, {})),
            (4, ("deleteReservation", vehicle, {"reservationID": random.randint(1, 4)})),
            (6, ("startCharging", "charger-a", _OPEN_STATION | point | named)),
            (
                4,
                ("finishCharging", "charger-a", _OPEN_STATION | point | random.choice(({}, {"energy": 4.5}))),
            ),
            (2, ("meterCharging", "charger-a", _OPEN_STATION | point | {"energy": random.randint(0, 9)})),
            (
                1,
                (
                    "cancelReservation",
                    "charger-a",
                    _OPEN_STATION | point | {"reservationID": random.randint(1, 9)},
                ),
            ),
        ]
        return random.choices([row for _, row in chances], [weight for weight, _ in chances])[0]
