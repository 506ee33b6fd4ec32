"""Builds the network's tables from files that the service did not write, or not alone.

The old server's files, and files that a person edited, may hold records that contradict each other. Of two
such records the first stays and the other is set aside. The IDs of what is set aside are never given again.
"""

from bisect import bisect_left
from collections.abc import Iterable
from datetime import datetime
from math import inf
from operator import attrgetter
from typing import Any

from msgspec.structs import replace

from cloud_service.core.records import FREE, RESERVED, Point, PointKey, Reservation, Station
from cloud_service.core.tables import Tables
from cloud_service.language.text import Text
from cloud_service.store.json_files import ChargingPointsFile, ChargingStationsFile, ReservationsFile
from cloud_service.store.set_aside import SetAside

_time = attrgetter("start", "finish")


class TablesBuilder:
    """Collects records into tables, and what is set aside beside them."""

    def __init__(self) -> None:
        self.tables = Tables()
        self.set_aside: list[SetAside] = []

    def add_stations(self, stations: Iterable[Station]) -> None:
        """Adds stations; of two with the same ID, the first."""
        for station in stations:
            if self.tables.stations.setdefault(station.station_id, station) is not station:
                self._set_aside(ChargingStationsFile.name, Text("another station has this ID"), station)

    def add_points(self, points: Iterable[Point]) -> None:
        """Adds points; of two in a station with the same ID, the first."""
        for point in points:
            if self.tables.points.setdefault(point.key, point) is not point:
                reason = Text("another point of the station has this ID")
                self._set_aside(ChargingPointsFile.name, reason, point)

    def add_reservations(self, reservations: Iterable[Reservation]) -> None:
        """Adds reservations; of two on a point with the same ID, the first."""
        for row in reservations:
            if self.tables.reservations.setdefault(row.key, row) is not row:
                self._set_aside(
                    ReservationsFile.name, Text("another reservation of the point has this ID"), row
                )

    def set_misfits_aside(self, now: datetime) -> None:
        """Sets aside points and reservations that cannot stand together with the rest.

        A reservation that is over needs no more than its point: the service finishes it with its next batch.
        """
        self._set_points_aside()
        vehicles: dict[bool, set[str]] = {True: set(), False: set()}
        queues: dict[PointKey, list[Reservation]] = {}
        for reservation in list(self.tables.reservations.values()):
            reason = self._misfit(reservation, vehicles, queues, now)
            if reason is not None:
                self._set_aside(ReservationsFile.name, reason, reservation)
                del self.tables.reservations[reservation.key]
        self._reserve_points(queues)

    def count_ids(self) -> None:
        """Raises the largest IDs ever given to at least those in use and those set aside."""
        tables = self.tables
        set_aside = [_ids_of(row.record) for row in self.set_aside]
        tables.last_station_id = max(
            tables.last_station_id, *tables.stations, *(station_id for station_id, _, _ in set_aside), 0
        )
        stations, points = tables.stations, tables.points
        given_points = (key for key in points if key[1] > stations[key[0]].last_point_id)
        given = (key for key in tables.reservations if key[2] > points[key[:2]].last_reservation_id)
        for station_id, point_id, reservation_id in (
            *((station_id, point_id, 0) for station_id, point_id in given_points),
            *given,
            *set_aside,
        ):
            station = tables.stations.get(station_id)
            if station is not None and point_id > station.last_point_id:
                tables.stations[station_id] = replace(station, last_point_id=point_id)
            point = tables.points.get((station_id, point_id))
            if point is not None and reservation_id > point.last_reservation_id:
                tables.points[point.key] = replace(point, last_reservation_id=reservation_id)

    def _set_points_aside(self) -> None:
        for point in list(self.tables.points.values()):
            if point.station_id not in self.tables.stations:
                self._set_aside(ChargingPointsFile.name, Text("its station does not exist"), point)
                del self.tables.points[point.key]

    def _misfit(
        self,
        reservation: Reservation,
        vehicles: dict[bool, set[str]],
        queues: dict[PointKey, list[Reservation]],
        now: datetime,
    ) -> Text | None:
        """Why the reservation cannot stand beside those before it; None if it can, and is then among them."""
        point_key = reservation.point_key
        if point_key not in self.tables.points:
            return Text("its point does not exist")
        if reservation.finish <= now:
            return None
        legacy, vehicle = reservation.vehicle
        if vehicle in vehicles[legacy]:
            return Text("the vehicle has another reservation")
        queue = queues.get(point_key)
        if queue is None:
            queues[point_key] = [reservation]
        else:
            at = bisect_left(queue, _time(reservation), key=_time)
            if (at and queue[at - 1].finish > reservation.start) or (
                at < len(queue) and queue[at].start < reservation.finish
            ):
                return Text("it overlaps an earlier one of its point")
            queue.insert(at, reservation)
        vehicles[legacy].add(vehicle)
        return None

    def _reserve_points(self, keys: Iterable[PointKey]) -> None:
        """Makes free points with reservations `reservado`."""
        for key in keys:
            point = self.tables.points[key]
            if point.availability == FREE:
                self.tables.points[key] = replace(point, availability=RESERVED)

    def _set_aside(self, file: str, reason: Text, record: Station | Point | Reservation) -> None:
        self.set_aside.append(SetAside(file, str(reason), record.public()))


def _ids_of(row: dict[str, Any]) -> tuple[int, int, int]:
    """The station, point and reservation IDs that a row names; 0 for each that is missing or not an ID."""
    station_id, point_id, reservation_id = (
        int(value) if isinstance(value, int | float) and 0 < value < inf else 0
        for value in map(row.get, ("chargingStationID", "chargingPointID", "reservationID"))
    )
    return station_id, point_id, reservation_id
