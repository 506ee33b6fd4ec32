"""Files that people or the old server wrote may hold what the network cannot: that is set aside.

What is set aside still counts for the IDs given: its numbers are not given again.
"""

from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime
from math import inf
from typing import Any

from msgspec.structs import replace

from cloud_service.core.network import Tables
from cloud_service.core.records import FREE, RESERVED, Point, PointKey, Reservation, Station, VehicleKey
from cloud_service.store.json_files import (
    ChargingPointsFile,
    ChargingStationsFile,
    ReservationsFile,
    SetAside,
)


class Intake:
    """Gathers rows into tables, the first of a kind staying where two contradict each other."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.set_aside: list[SetAside] = []

    def add_stations(self, stations: Iterable[Station]) -> None:
        for station in stations:
            if station.station_id in self.tables.stations:
                self._set_aside(ChargingStationsFile.name, "another station has this ID", station)
            else:
                self.tables.stations[station.station_id] = station

    def add_points(self, points: Iterable[Point]) -> None:
        for point in points:
            if point.key in self.tables.points:
                self._set_aside(ChargingPointsFile.name, "another point of the station has this ID", point)
            else:
                self.tables.points[point.key] = point

    def add_reservations(self, reservations: Iterable[Reservation]) -> None:
        for reservation in reservations:
            if reservation.key in self.tables.reservations:
                self._set_aside(
                    ReservationsFile.name, "another reservation of the point has this ID", reservation
                )
            else:
                self.tables.reservations[reservation.key] = reservation

    def check(self, now: datetime) -> None:
        """Sets aside what does not fit together, and reserves free points that somebody has booked.

        Reservations that are over by now only need their point.
        """
        for point in list(self.tables.points.values()):
            if point.station_id not in self.tables.stations:
                self._set_aside(ChargingPointsFile.name, "its station does not exist", point)
                del self.tables.points[point.key]
        vehicles: set[VehicleKey] = set()
        queues: dict[PointKey, list[tuple[datetime, datetime]]] = {}
        for reservation in list(self.tables.reservations.values()):
            reason = self._misfit(reservation, vehicles, queues, now)
            if reason is not None:
                self._set_aside(ReservationsFile.name, reason, reservation)
                del self.tables.reservations[reservation.key]
        for point_key in queues:
            point = self.tables.points[point_key]
            if point.availability == FREE:
                self.tables.points[point_key] = replace(point, availability=RESERVED)

    def count_ids(self) -> None:
        """Raises the largest IDs ever given to those that are in use or set aside."""
        tables = self.tables
        aside = [_ids_of(row.record) for row in self.set_aside]
        named = [station for station, _, _ in aside if station] + list(tables.stations)
        tables.last_station_id = max(tables.last_station_id, 0, *named) if named else tables.last_station_id
        for station_id, point_id, reservation_id in (
            *((station, point, 0) for station, point in tables.points),
            *tables.reservations,
            *aside,
        ):
            station = tables.stations.get(station_id)
            if station is not None and point_id > station.last_point_id:
                tables.stations[station_id] = replace(station, last_point_id=point_id)
            point = tables.points.get((station_id, point_id))
            if point is not None and reservation_id > point.last_reservation_id:
                tables.points[point.key] = replace(point, last_reservation_id=reservation_id)

    def _misfit(
        self,
        reservation: Reservation,
        vehicles: set[VehicleKey],
        queues: dict[PointKey, list[tuple[datetime, datetime]]],
        now: datetime,
    ) -> str | None:
        if reservation.point_key not in self.tables.points:
            return "its point does not exist"
        if reservation.finish <= now:
            return None
        if reservation.vehicle in vehicles:
            return "the vehicle has another reservation"
        queue = queues.setdefault(reservation.point_key, [])
        at = bisect_left(queue, (reservation.start, reservation.finish))
        if (at and queue[at - 1][1] > reservation.start) or (
            at < len(queue) and queue[at][0] < reservation.finish
        ):
            return "it overlaps an earlier one of its point"
        queue.insert(at, (reservation.start, reservation.finish))
        vehicles.add(reservation.vehicle)
        return None

    def _set_aside(self, file: str, reason: str, record: Station | Point | Reservation) -> None:
        self.set_aside.append(SetAside(file, reason, record.public()))


def _ids_of(row: dict[str, Any]) -> tuple[int, int, int]:
    """The station, point and reservation IDs that a row names; 0 for each that it does not."""
    station, point, reservation = (
        int(value) if isinstance(value, int | float) and 0 < value < inf else 0
        for value in map(row.get, ("chargingStationID", "chargingPointID", "reservationID"))
    )
    return station, point, reservation
