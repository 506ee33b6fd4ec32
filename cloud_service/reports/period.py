"""The days of a report, and the hours of the day in a stretch of time."""

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Final

from msgspec import Struct

HOURS: Final = range(24)
_HOUR: Final = timedelta(hours=1)


class Period(Struct, frozen=True):
    """From `start` up to, not including, `end`, both in UTC. Its days are those of `zone`.

    None is the machine's time zone.
    """

    start: datetime
    end: datetime
    zone: tzinfo | None

    @classmethod
    def of_days(cls, first: date, last: date, zone: tzinfo | None) -> "Period":
        """From the beginning of the first day to the end of the last one."""
        return cls(_midnight(first, zone), _midnight(last + timedelta(days=1), zone), zone)

    def contains(self, moment: datetime) -> bool:
        return self.start <= moment < self.end

    def clip(self, start: datetime, end: datetime) -> tuple[datetime, datetime]:
        """The part of a stretch of time that is in the period. Without one, it ends before it starts."""
        return max(start, self.start), min(end, self.end)

    def hours(self) -> Counter[int]:
        """How many microseconds of each hour of the day are in the period.

        A day on which the clocks change has 23 or 25 hours.
        """
        return microseconds_by_hour(self.start, self.end, self.zone)


def microseconds_by_hour(start: datetime, end: datetime, zone: tzinfo | None) -> Counter[int]:
    """How many microseconds of each hour of the day are between two moments, by the clocks of a zone."""
    found: Counter[int] = Counter()
    for hour, length in _pieces(start, end, zone):
        found[hour] += length // timedelta(microseconds=1)
    return found


def _pieces(start: datetime, end: datetime, zone: tzinfo | None) -> Iterator[tuple[int, timedelta]]:
    while start < end:
        local = start.astimezone(zone)
        past = timedelta(minutes=local.minute, seconds=local.second, microseconds=local.microsecond)
        stop = min(start + _HOUR - past, end)
        yield local.hour, stop - start
        start = stop


def _midnight(day: date, zone: tzinfo | None) -> datetime:
    midnight = datetime.combine(day, time(), zone)
    return (midnight if zone else midnight.astimezone()).astimezone(UTC)
