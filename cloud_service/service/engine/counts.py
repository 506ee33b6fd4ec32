"""How much there is of everything, for metrics."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from cloud_service.core.changes import Changes
from cloud_service.core.network import Network
from cloud_service.core.records import Point, PointKey
from cloud_service.service.engine.absent_owners import AbsentOwners


class NetworkCounts(Struct, frozen=True):
    """How many records there are. `points` are by availability."""

    stations: int = 0
    points: Mapping[str, int] = {}
    points_out_of_order: int = 0
    offline_owners: int = 0
    sessions: int = 0
    reservations: int = 0
    request_records: int = 0


class PointStates:
    """How many points there are of each availability, and how many are out of order, by the changes."""

    def __init__(self, network: Network, now: datetime) -> None:
        self._network = network
        self._absent = AbsentOwners()
        self._absent.follow(network, now)
        self._points: dict[PointKey, tuple[str, bool]] = {}
        self.counts: Counter[str] = Counter()
        self.out_of_order = 0
        for point in network.tables.points.values():
            self._add(point)

    def let_time_pass(self, now: datetime) -> None:
        """The points of an owner that has been offline for long enough are out of order."""
        for owner in self._absent.follow(self._network, now):
            for station in self._network.stations_of(owner):
                for point in self._network.points(station.station_id):
                    self._remove(point.key)
                    self._add(point)

    def note(self, changes: Changes) -> None:
        """Takes changes that were made in the network."""
        for key in changes.removed_points:
            self._remove(key)
        for point in changes.points:
            self._remove(point.key)
            self._add(point)

    def _add(self, point: Point) -> None:
        station = self._network.station(point.station_id)
        in_order = point.operational and (station is None or station.owner not in self._absent)
        self._points[point.key] = point.availability, in_order
        self.counts[point.availability] += 1
        self.out_of_order += not in_order

    def _remove(self, key: PointKey) -> None:
        known = self._points.pop(key, None)
        if known is not None:
            availability, in_order = known
            self.counts[availability] -= 1
            self.out_of_order -= not in_order
