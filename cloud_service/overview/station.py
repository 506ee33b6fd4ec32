"""A station of the overview, and what it adds to the figures."""

from dataclasses import dataclass, field
from typing import Final

from cloud_service.overview.records import Point, PointState, Row, StationMessage

FIGURES: Final = (
    "stationsFree",
    "stationsBusy",
    "stationsOutOfOrder",
    "stationsOffline",
    "stationsWithoutPoints",
    "pointsFree",
    "pointsReserved",
    "pointsOccupied",
    "pointsOutOfOrder",
    "sessions",
    "reservations",
    "powerUnderWay",
    "energyUnderWay",
)
_OF_POINT: Final[dict[PointState, str]] = {
    "free": "pointsFree",
    "reserved": "pointsReserved",
    "occupied": "pointsOccupied",
    "outOfOrder": "pointsOutOfOrder",
}


@dataclass(slots=True)
class Station:
    """Its points may be known before its location, because each has a message of its own.

    `absent`: its owner has been offline for so long that its points count as out of order.
    """

    number: int
    place: StationMessage | None = None
    offline: bool = False
    absent: bool = False
    points: dict[int, Point] = field(default_factory=dict)

    def state_of(self, point: Point) -> PointState:
        """The state of one of its points for somebody who looks for a charge."""
        return "outOfOrder" if self.absent else point.state

    @property
    def row(self) -> Row:
        place = self.place
        assert place is not None
        points = [self._point_row(number, point) for number, point in sorted(self.points.items())]
        row = [self.number, place.x, place.y, place.name, int(self.offline), points]
        return row if place.address is None else [*row, place.address]

    @property
    def figure(self) -> str:
        """The figure that counts this station."""
        states = {self.state_of(point) for point in self.points.values()}
        if self.offline:
            return "stationsOffline"
        if not states:
            return "stationsWithoutPoints"
        if "free" in states:
            return "stationsFree"
        return "stationsBusy" if states & {"reserved", "occupied"} else "stationsOutOfOrder"

    def contribution(self) -> dict[str, float]:
        """What it adds to each figure."""
        if self.place is None:
            return {}
        added: dict[str, float] = {self.figure: 1}
        for point in self.points.values():
            name = _OF_POINT[self.state_of(point)]
            added[name] = added.get(name, 0) + 1
            if point.session is not None:
                added["sessions"] = added.get("sessions", 0) + 1
                added["energyUnderWay"] = added.get("energyUnderWay", 0) + (point.session.energy or 0)
            added["reservations"] = added.get("reservations", 0) + point.queue_length
            if point.session is not None or point.state == "occupied":
                added["powerUnderWay"] = added.get("powerUnderWay", 0) + point.power_in_use
        return added

    def _point_row(self, number: int, point: Point) -> Row:
        row = [number, point.power, point.price, self.state_of(point)]
        return row if point.connector is None else [*row, point.connector]
