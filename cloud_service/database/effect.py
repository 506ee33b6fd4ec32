"""A batch that was decided, and its net effect on the rows of the database."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeVar

from msgspec import Struct

from cloud_service.core.changes import Changes, Event
from cloud_service.core.consequences import freed_points
from cloud_service.core.records import Point, PointKey, ReservationKey, Station
from cloud_service.database.loaded_network import LoadedNetwork
from cloud_service.store.journal import RequestRecord

Key = TypeVar("Key", int, PointKey, ReservationKey)
Record = TypeVar("Record")


class BatchToWrite(Struct, frozen=True):
    """A batch that was decided, and the network as it is afterwards."""

    changes: Sequence[Changes]
    network: LoadedNetwork
    requests: Sequence[RequestRecord]
    now: datetime
    looked_at: tuple[PointKey, ...] = ()
    """Points whose next due moment is written in any case."""

    @property
    def events(self) -> list[Event]:
        return [event for changes in self.changes for event in changes.events]


class NetEffect:
    """The net effect of a batch: what has to be removed, changed and added."""

    def __init__(self, batch: BatchToWrite) -> None:
        self.network = batch.network
        before, after = batch.network.as_loaded, batch.network.tables
        stations, points, reservations, owners = _touched_keys(batch.changes, batch.network)
        points.update(batch.looked_at)
        points |= {key[:2] for key in reservations}
        stations |= {
            station_id for station_id, point_id in points if (station_id, point_id) not in after.points
        }
        self.points = points
        self.known_points = sum(key in before.points for key in points)
        self.removed_stations = sorted(stations & before.stations.keys() - after.stations.keys())
        self.removed_points = sorted(points & before.points.keys() - after.points.keys())
        self.removed_reservations = sorted(
            reservations & before.reservations.keys() - after.reservations.keys()
        )
        self.removed_sessions = sorted(points & before.sessions.keys() - after.sessions.keys())
        self.removed_absences = sorted(owners & before.absences.keys() - after.absences.keys())
        self.changed_stations, self.added_stations = _put(stations, before.stations, after.stations)
        self.changed_points, self.added_points = _put(points, before.points, after.points)
        self.changed_reservations, self.added_reservations = _put(
            reservations, before.reservations, after.reservations
        )
        self.put_sessions = [after.sessions[key] for key in sorted(points & after.sessions.keys())]
        self.put_absences = [after.absences[key] for key in sorted(owners & after.absences.keys())]
        self.counted_stations = [
            each
            for each in self.changed_stations + self.added_stations
            if each.last_point_id != _last_point_id(before.stations.get(each.station_id))
        ]
        """At which an ID of a point was given."""
        self.counted_points = [
            each
            for each in self.changed_points + self.added_points
            if each.last_reservation_id != _last_reservation_id(before.points.get(each.key))
        ]
        """At which an ID of a reservation was given."""
        freed = {key for changes in batch.changes for key in freed_points(batch.network, changes, batch.now)}
        self.freed_points = sorted(freed & after.points.keys())
        counted = [
            changes.last_station_id for changes in batch.changes if changes.last_station_id is not None
        ]
        self.last_station_id = max(counted, default=None)

    @property
    def all_stations(self) -> list[int]:
        """The IDs of all stations whose records change."""
        there = self.changed_stations + self.added_stations
        return [*self.removed_stations, *(station.station_id for station in there)]

    @property
    def locked_stations(self) -> list[int]:
        """The existing stations that change."""
        return [*self.removed_stations, *(station.station_id for station in self.changed_stations)]


def _last_point_id(station: Station | None) -> int:
    return 0 if station is None else station.last_point_id


def _last_reservation_id(point: Point | None) -> int:
    return 0 if point is None else point.last_reservation_id


def _put(
    keys: set[Key], before: dict[Key, Record], after: dict[Key, Record]
) -> tuple[list[Record], list[Record]]:
    """The records that existed before, and those that are new."""
    there = sorted(keys & after.keys())
    changed = [after[key] for key in there if key in before]
    return changed, [after[key] for key in there if key not in before]


def _touched_keys(
    batch: Sequence[Changes], network: LoadedNetwork
) -> tuple[set[int], set[PointKey], set[ReservationKey], set[str]]:
    stations, points, reservations, owners = set[int](), set[PointKey](), set[ReservationKey](), set[str]()
    for changes in batch:
        stations.update(changes.removed_stations, (each.station_id for each in changes.stations))
        points.update(changes.removed_points, changes.removed_sessions)
        points.update(each.key for each in changes.points)
        points.update(each.key for each in changes.sessions)
        reservations.update(changes.removed_reservations, (each.key for each in changes.reservations))
        owners.update(changes.removed_absences, (each.owner for each in changes.absences))
    moved = [station for changes in batch for station in changes.stations if _is_elsewhere(station, network)]
    for owner in owners:
        for station in network.stations_of(owner):
            points.update(point.key for point in network.points(station.station_id))
    for station in moved:
        points.update(point.key for point in network.points(station.station_id))
    return stations, points, reservations, owners


def _is_elsewhere(station: Station, network: LoadedNetwork) -> bool:
    """Whether a station has moved or has another owner: simultaneous bookings there have to know."""
    before = network.as_loaded.stations.get(station.station_id)
    return before is not None and (before.location, before.owner) != (station.location, station.owner)
