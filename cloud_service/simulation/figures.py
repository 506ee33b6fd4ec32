"""What a run is measured by."""

from datetime import datetime, timedelta
from typing import Final

from msgspec import Struct, field

from cloud_service.core.records import Reservation
from cloud_service.simulation.scenario import Scenario

_HOUR: Final = timedelta(hours=1)
_DAY: Final = timedelta(days=1)


class Figures(Struct, frozen=True):
    """The figures of one run. Means are over the vehicles that were served.

    Those who never come count nowhere. None: nobody was served.
    """

    wanted: int
    """How many people came, or meant to."""
    served: float
    """The share of them that charged to the end, or until they wanted to leave."""
    waiting: float | None
    """Minutes until the charge began that were neither driving nor the person's own delay."""
    until_finished: float | None = field(name="untilFinished")
    """Hours from when a charge was wanted to the end of the charge."""
    worst: float | None
    """The longest of them."""
    distance: float | None
    """Kilometres driven to charge."""
    utilisation: float
    """The share of all points' time in which they charged."""
    energy: float
    """kWh charged in a day, by all points. Where their powers differ, this can be compared; time cannot."""
    stood: float
    """Of those who arrived at a point that was promised to them, how many found it taken or broken."""
    moved: float
    """How often a reservation moved, for each hundred people."""
    price: float | None
    """Of a kWh."""


class Served(Struct, frozen=True):
    """A vehicle that has charged. Times in hours, distances in kilometres."""

    waiting: timedelta
    until_finished: timedelta
    distance: float
    price: float


class Stood(Struct, frozen=True):
    """A vehicle came to the point that it was last told, and found it taken or broken."""

    vehicle: str
    reservation: Reservation
    at: datetime


class Tally:
    """Counts what happens in a run."""

    def __init__(self) -> None:
        self.arrivals = 0
        self.stood: list[Stood] = []
        self.moved = 0
        self.served: list[Served] = []
        self.charged = timedelta()
        """How long all points charged within the scenario's time."""
        self.energy = 0.0
        """What they charged meanwhile, in kWh."""

    def figures(self, scenario: Scenario) -> Figures:
        wanted = sum(trip.comes for trip in scenario.trips)
        points = sum(len(place.points) for place in scenario.places)
        lasting = scenario.end - scenario.start
        capacity = points * lasting
        finished = [each.until_finished / _HOUR for each in self.served]
        return Figures(
            wanted=wanted,
            served=len(self.served) / wanted if wanted else 0.0,
            waiting=_mean([60 * (each.waiting / _HOUR) for each in self.served]),
            until_finished=_mean(finished),
            worst=max(finished, default=None),
            distance=_mean([each.distance for each in self.served]),
            utilisation=self.charged / capacity if capacity else 0.0,
            energy=self.energy / (lasting / _DAY) if lasting else 0.0,
            stood=len(self.stood) / self.arrivals if self.arrivals else 0.0,
            moved=100 * self.moved / wanted if wanted else 0.0,
            price=_mean([each.price for each in self.served]),
        )


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
