"""How much there is of everything, for metrics."""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from operator import attrgetter

from msgspec import Struct

from cloud_service.core.changes import Changes
from cloud_service.core.network import Network
from cloud_service.core.records import Point
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
        points = network.tables.points.values()
        self.counts = Counter(map(attrgetter("availability"), points))
        self._out_of_order = {point.key for point in points if not point.operational}
        self.let_time_pass(now)

    @property
    def out_of_order(self) -> int:
        """How many points take no new reservations."""
        return len(self._out_of_order)

    def let_time_pass(self, now: datetime) -> None:
        """The points of an owner that has been offline for long enough are out of order."""
        for owner in self._absent.follow(self._network, now):
            for station in self._network.stations_of(owner):
                self._note_order(self._network.points(station.station_id))

    def note(self, changes: Changes, undo: Changes) -> None:
        """Takes changes that were made in the network, and what would undo them: the points before."""
        for point in undo.points:
            self.counts[point.availability] -= 1
            self._out_of_order.discard(point.key)
        for point in changes.points:
            self.counts[point.availability] += 1
        self._note_order(changes.points)

    def _note_order(self, points: Iterable[Point]) -> None:
        for point in points:
            if self._is_in_order(point):
                self._out_of_order.discard(point.key)
            else:
                self._out_of_order.add(point.key)

    def _is_in_order(self, point: Point) -> bool:
        station = self._network.station(point.station_id)
        return point.operational and (station is None or station.owner not in self._absent)
