"""What people do whom nobody recorded, and what breaks: shares and means, drawn by a seed."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from random import Random
from typing import Final

from msgspec import Struct

from cloud_service.simulation.scenario import Breakdown, Place

_YEAR: Final = timedelta(days=365)


class Habits(Struct, frozen=True):
    """Shares are from 0 to 1. Delays and repairs are exponentially distributed around their means.

    `known_overstays` are recorded ones; who has no recorded one of his own stays like one of these.
    `failures` is how often a point breaks in a year. `spread` is how far from a station people start: the
    standard deviation, in kilometres east and north.
    """

    no_shows: float = 0.05
    late: float = 0.2
    late_by: timedelta = timedelta(minutes=10)
    overstaying: float = 0.3
    overstay: timedelta = timedelta(minutes=45)
    failures: float = 4.0
    repair: timedelta = timedelta(hours=12)
    spread: float = 5.0
    ahead: float = 0.3
    """The share of people who book ahead."""
    ahead_by: timedelta = timedelta(hours=3)
    energy: float = 20.0
    """kWh, in mean."""
    known_overstays: tuple[timedelta, ...] = ()

    def draw_ahead(self, random: Random) -> timedelta:
        return self.ahead_by * random.expovariate(1) if random.random() < self.ahead else timedelta()

    def draw_comes(self, random: Random) -> bool:
        return random.random() >= self.no_shows

    def draw_late(self, random: Random) -> timedelta:
        return self.late_by * random.expovariate(1) if random.random() < self.late else timedelta()

    def draw_overstay(self, random: Random) -> timedelta:
        if self.known_overstays:
            return random.choice(self.known_overstays)
        return self.overstay * random.expovariate(1) if random.random() < self.overstaying else timedelta()

    def draw_energy(self, random: Random) -> float:
        """Between nothing and a few times the mean; the most frequent is three quarters of it."""
        return max(1.0, round(random.gammavariate(4, self.energy / 4), 3))

    def draw_start(self, places: Sequence[Place], random: Random) -> tuple[float, float]:
        """Where somebody starts: near a station, and more often near one with many points."""
        (place,) = random.choices(places, [len(place.points) for place in places])
        x, y = random.gauss(float(place.x), self.spread), random.gauss(float(place.y), self.spread)
        return round(x, 6), round(y, 6)

    def draw_breakdowns(
        self, places: Sequence[Place], start: datetime, end: datetime, random: Random
    ) -> Iterator[Breakdown]:
        """The breakdowns of all points; one that has broken does not break again before it is repaired."""
        if self.failures == 0:
            return
        for station, place in enumerate(places, 1):
            for point in range(1, len(place.points) + 1):
                moment = start + _YEAR / self.failures * random.expovariate(1)
                while moment < end:
                    repaired = moment + self.repair * random.expovariate(1)
                    yield Breakdown(station, point, moment, repaired)
                    moment = repaired + _YEAR / self.failures * random.expovariate(1)
