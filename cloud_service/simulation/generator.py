"""Demand without a recording: people come at random, at rates by hour and weekday."""

import csv
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Final, TypeAlias

from msgspec import Struct

from cloud_service.language.text import TextError
from cloud_service.simulation.habits import Habits
from cloud_service.simulation.scenario import Place, Scenario, Trip

Rates: TypeAlias = Sequence[Sequence[float]]
"""How many people come in an hour: for each of seven days from Monday on, 24 numbers."""

_WEEKDAY: Final = (1, 1, 1, 1, 1, 2, 5, 10, 12, 9, 8, 8, 9, 8, 8, 9, 11, 13, 12, 9, 6, 4, 3, 2)
_WEEKEND: Final = (1, 1, 1, 1, 1, 1, 2, 3, 5, 8, 10, 11, 11, 10, 10, 9, 9, 8, 7, 6, 4, 3, 2, 2)
_HOUR: Final = timedelta(hours=1)
_MOST: Final = 10_000
"""People in an hour."""


class UnusableRates(TextError):
    """A file has no rates that can be used."""


def usual_rates(per_day: float) -> Rates:
    """A week of this many people a day, in the mean, with a peak before and after work."""
    week = [_WEEKDAY] * 5 + [_WEEKEND] * 2
    factor = 7 * per_day / sum(map(sum, week))
    return [[factor * weight for weight in day] for day in week]


def read_rates(lines: Iterable[str]) -> Rates:
    """Reads a CSV file with the columns weekday (1 is Monday), hour and rate; what it leaves out is 0.

    Raises UnusableRates.
    """
    rates = [[0.0] * 24 for _ in range(7)]
    reader = csv.DictReader(lines)
    if missing := {"weekday", "hour", "rate"}.difference(reader.fieldnames or ()):
        raise UnusableRates("missing columns: {columns}", columns=", ".join(sorted(missing)))
    for row in reader:
        try:
            weekday, hour, rate = int(row["weekday"]), int(row["hour"]), float(row["rate"])
        except (TypeError, ValueError):
            weekday, hour, rate = 0, 0, 0.0
        if not (1 <= weekday <= 7 and 0 <= hour <= 23 and 0 <= rate <= _MOST):
            raise UnusableRates(
                "line {line}: weekday is from 1 to 7, hour from 0 to 23, rate a number from 0 to {most}",
                line=reader.line_num,
                most=_MOST,
            )
        rates[weekday - 1][hour] = rate
    return rates


class Generated(Struct, frozen=True):
    """People who come at random. The rates are by the hours of the zone of `start`."""

    places: tuple[Place, ...]
    rates: Rates
    habits: Habits
    start: datetime
    days: int

    def scenario(self, seed: int) -> Scenario:
        random = Random(f"trips {seed}")
        last = self.start + timedelta(days=self.days)
        moments = _moments(self.rates, self.start, last, random)
        trips = tuple(_trip(moment, self.places, self.habits, random) for moment in moments)
        start, end = self.start.astimezone(UTC), last.astimezone(UTC)
        breakdowns = self.habits.draw_breakdowns(self.places, start, end, Random(f"breakdowns {seed}"))
        return Scenario(self.places, start, end, trips, tuple(breakdowns))


def _moments(rates: Rates, start: datetime, end: datetime, random: Random) -> Iterator[datetime]:
    hour = start
    while hour < end:
        rate = rates[hour.weekday()][hour.hour]
        passed = random.expovariate(rate) if rate > 0 else 1.0
        while passed < 1:
            yield hour.astimezone(UTC) + passed * _HOUR
            passed += random.expovariate(rate)
        hour += _HOUR


def _trip(wanted: datetime, places: Sequence[Place], habits: Habits, random: Random) -> Trip:
    x, y = habits.draw_start(places, random)
    return Trip(
        at=wanted - habits.draw_ahead(random),
        wanted=wanted,
        x=x,
        y=y,
        energy=habits.draw_energy(random),
        comes=habits.draw_comes(random),
        late=habits.draw_late(random),
        overstay=habits.draw_overstay(random),
    )
