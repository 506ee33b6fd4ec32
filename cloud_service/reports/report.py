"""Computes a report: figures of each point, of each station, and of all.

Only points have sums of their own. A station's are the sums of its points', and those of all are the sums of
the stations', so that the figures of a report always agree with each other.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from itertools import groupby
from types import MappingProxyType

from msgspec import Struct, field

from cloud_service.core.records import PointKey
from cloud_service.reports.charges import charge_of
from cloud_service.reports.period import HOURS, Period, microseconds_by_hour
from cloud_service.store.ended import Ended


class Figures(Struct, frozen=True):
    """What happened in a period."""

    charges: int
    """Those that ended in the period."""
    cancelled: int
    """Reservations that were cancelled in the period, before they started."""
    no_shows: int = field(name="noShows")
    """Reservations that were released in the period, because no vehicle came."""
    energy: Decimal = field(name="kWh")
    revenue: Decimal
    utilisation: float
    """The share of the time in which the points were in use, from 0 to 1."""
    utilisation_by_hour: tuple[float | None, ...] = field(name="utilisationByHour")
    """The same of each hour of the day. None for an hour that the period does not have."""


class PointReport(Struct, frozen=True):
    """The figures of a charging point."""

    point_id: int = field(name="chargingPointID")
    figures: Figures


class StationReport(Struct, frozen=True):
    """The figures of a station, and of its points in the order of their IDs."""

    station_id: int = field(name="chargingStationID")
    figures: Figures
    points: tuple[PointReport, ...]
    name: str | None = None


class Report(Struct, frozen=True):
    """The figures of all stations, in the order of their IDs, and of the whole network."""

    start: datetime = field(name="from")
    end: datetime = field(name="to")
    figures: Figures = field(name="all")
    stations: tuple[StationReport, ...]


class _Sums(Struct):
    """Sums of any number of points. Energy and revenue are in millionths, times in microseconds."""

    points: int = 0
    charges: int = 0
    cancelled: int = 0
    no_shows: int = 0
    energy: int = 0
    revenue: int = 0
    busy: Counter[int] = field(default_factory=Counter)

    def add(self, ended: Ended, period: Period) -> None:
        """Adds what a reservation contributes to the period."""
        charge = charge_of(ended)
        if charge is None:
            if ended.type == "reservationNoShow":
                self.no_shows += period.contains(ended.at)
            else:
                self.cancelled += period.contains(ended.at)
            return
        if period.contains(charge.end):
            self.charges += 1
            self.energy += charge.energy
            self.revenue += charge.revenue
        self.busy += microseconds_by_hour(*period.clip(charge.start, charge.end), period.zone)

    def figures(self, hours: Mapping[int, int]) -> Figures:
        """The figures, if the period has so many microseconds of each hour of the day."""
        by_hour = tuple(_share(self.busy[hour], self.points * hours[hour]) for hour in HOURS)
        whole = _share(self.busy.total(), self.points * sum(hours.values()))
        return Figures(
            self.charges,
            self.cancelled,
            self.no_shows,
            _from_millionths(self.energy),
            _from_millionths(self.revenue),
            whole or 0.0,
            by_hour,
        )


def compute(
    rows: Iterable[Ended],
    points: Iterable[PointKey],
    period: Period,
    names: Mapping[int, str | None] = MappingProxyType({}),
) -> Report:
    """Computes the report on a period from reservations that ended, in any order.

    `points` are those of the network, which appear even if nobody charged there. A point that is gone
    appears if a reservation there counts. Each is taken as there for the whole period. `names` are those
    of stations.
    """
    sums = {key: _Sums(1) for key in points}
    for row in rows:
        key = row.reservation.station_id, row.reservation.point_id
        of_point = sums.get(key) or _Sums(1)
        of_point.add(row, period)
        if of_point != _Sums(1):
            sums[key] = of_point
    hours = period.hours()
    whole, stations = _Sums(), []
    for station_id, keys in groupby(sorted(sums), key=lambda key: key[0]):
        own_keys = list(keys)
        of_station = _total(sums[key] for key in own_keys)
        points_of_station = tuple(PointReport(key[1], sums[key].figures(hours)) for key in own_keys)
        figures, name = of_station.figures(hours), names.get(station_id)
        stations.append(StationReport(station_id, figures, points_of_station, name))
        whole = _total((whole, of_station))
    return Report(period.start, period.end, whole.figures(hours), tuple(stations))


def _total(parts: Iterable[_Sums]) -> _Sums:
    total = _Sums()
    for part in parts:
        total.points += part.points
        total.charges += part.charges
        total.cancelled += part.cancelled
        total.no_shows += part.no_shows
        total.energy += part.energy
        total.revenue += part.revenue
        total.busy += part.busy
    return total


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _from_millionths(number: int) -> Decimal:
    return Decimal(f"{number}E-6")  # exact, whatever the precision of the context
