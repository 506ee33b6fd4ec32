"""The three JSON files as the old server wrote them."""

import json
from datetime import timedelta
from typing import Any

from tests.kit.records import NOW
from tests.kit.simulated_disk import SimulatedFolder


def station(number: int, x: float = 0, y: float = 0) -> dict[str, Any]:
    return {"chargingStationID": number, "x_position": x, "y_position": y}


def point(station_id: int, number: int, availability: str = "livre") -> dict[str, Any]:
    return {
        "chargingPointID": number,
        "chargingStationID": station_id,
        "power": 22,
        "kWhPrice": 1,
        "availability": availability,
    }


def reservation(
    station_id: int, point_id: int, number: int, vehicle: object, start: float, hours: float = 1
) -> dict[str, Any]:
    """Starts `start` hours after NOW. Its dates are UTC without an offset."""
    begins = (NOW + timedelta(hours=start)).replace(tzinfo=None)
    return {
        "reservationID": number,
        "chargingStationID": station_id,
        "chargingPointID": point_id,
        "chargingPointPower": 22,
        "kWhPrice": 1,
        "vehicleID": vehicle,
        "startDateTime": begins.isoformat(),
        "finishDateTime": (begins + timedelta(hours=hours)).isoformat(),
        "duration": hours,
        "price": 22 * hours,
    }


def old_folder(
    stations: list[dict[str, Any]], points: list[dict[str, Any]], reservations: list[dict[str, Any]]
) -> SimulatedFolder:
    return SimulatedFolder(
        {
            "charging_stations.json": json.dumps(stations, indent=4).encode(),
            "charging_points.json": json.dumps(points, indent=4).encode(),
            "reservations.json": json.dumps(reservations, indent=4).encode(),
        }
    )
