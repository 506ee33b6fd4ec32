"""Tariffs: prices of certain hours and days, in terms of OCPI (contract, section 5)."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from math import isfinite
from typing import Final, Literal, TypeAlias

from msgspec import Struct, field, to_builtins

from cloud_service.core.exact import as_written, nearest_double, product
from cloud_service.core.numbers import Number

DayOfWeek: TypeAlias = Literal["MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY"]

_DAYS: Final[tuple[DayOfWeek, ...]] = (
    "MONDAY",
    "TUESDAY",
    "WEDNESDAY",
    "THURSDAY",
    "FRIDAY",
    "SATURDAY",
    "SUNDAY",
)


class TariffElement(Struct, frozen=True, gc=False, omit_defaults=True):
    """A price, and when it counts: from `start_time` up to `end_time` ("HH:MM", local) on these days.

    An end at or before the start is that of the next day. None and no days: no restriction.
    """

    kwh_price: Number = field(name="kWhPrice")
    start_time: str | None = None
    end_time: str | None = None
    day_of_week: tuple[DayOfWeek, ...] = ()

    def public(self) -> dict[str, object]:
        """The element as clients see it."""
        described: dict[str, object] = to_builtins(self)
        return described

    def fits(self, moment: datetime) -> bool:
        """Whether the price counts at this local time. The day is that of the moment, as in OCPI."""
        if self.day_of_week and _DAYS[moment.weekday()] not in self.day_of_week:
            return False
        start, end = self.start_time or "00:00", self.end_time or "24:00"
        clock = f"{moment:%H:%M}"
        return start <= clock < end if start < end else clock >= start or clock < end

    def times(self) -> Iterator[time]:
        """The times of day at which the price begins or ends to count."""
        for text in (self.start_time, self.end_time):
            if text is not None:
                yield time.fromisoformat(text)


Tariff: TypeAlias = tuple[TariffElement, ...]
"""The first element that fits counts; where none does, the point's own price."""


def price_of(
    energy: Decimal, kwh_price: Number, tariff: Tariff, span: tuple[datetime, datetime], zone: tzinfo | None
) -> float:
    """The price of this energy (kWh), charged at constant power over a span of time in UTC.

    It is exact, and rounded once; infinite beyond the range of numbers. `zone` is that of the tariff's times;
    None is the machine's.
    """
    start, finish = span
    if not tariff or start == finish:
        return product(energy, _price_at(start, kwh_price, tariff, zone))
    mean = Fraction(0)
    for opens, closes in pairwise(sorted({start, finish, *_changes(tariff, span, zone)})):
        price = _price_at(opens + (closes - opens) / 2, kwh_price, tariff, zone)
        mean += Fraction(as_written(price)) * Fraction((closes - opens) // _TICK, (finish - start) // _TICK)
    return nearest_double(Fraction(energy) * mean)


def price_of_kwh(price: float, energy: Decimal) -> float:
    """What a kWh costs, where this much energy (kWh) has this price."""
    if not isfinite(price):
        return price
    return nearest_double(Fraction(as_written(price)) / Fraction(energy))


_TICK: Final = timedelta(microseconds=1)


def _price_at(moment: datetime, kwh_price: Number, tariff: Tariff, zone: tzinfo | None) -> Number:
    if not tariff:
        return kwh_price
    local = moment.astimezone(zone)
    return next((element.kwh_price for element in tariff if element.fits(local)), kwh_price)


def _changes(tariff: Tariff, span: tuple[datetime, datetime], zone: tzinfo | None) -> Iterator[datetime]:
    """The moments within the span at which the price may change."""
    start, finish = span
    times = {time(), *(moment for element in tariff for moment in element.times())}
    day: date = start.astimezone(zone).date()
    while _to_utc(day, time(), zone) < finish:
        for moment in (_to_utc(day, clock, zone) for clock in times):
            if start < moment < finish:
                yield moment
        day += timedelta(days=1)


def _to_utc(day: date, clock: time, zone: tzinfo | None) -> datetime:
    local = datetime.combine(day, clock)
    return (local if zone is None else local.replace(tzinfo=zone)).astimezone(UTC)
