"""A report's figures agree with each other, and with a computation minute by minute."""

from collections import Counter
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_service.core.changes import EventType
from cloud_service.core.records import PointKey
from cloud_service.reports.period import Period
from cloud_service.reports.report import Figures, Report, compute
from cloud_service.store.ended import Ended, EndedReservation

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = (UTC, BERLIN, ZoneInfo("Asia/Kolkata"), ZoneInfo("Australia/Lord_Howe"))
SPRING = datetime(2026, 3, 28, tzinfo=UTC)
"""The clocks of Berlin are set ahead on the next day, at 1:00 UTC."""
MINUTE = timedelta(minutes=1)


def ended(
    start: datetime,
    length: timedelta,
    *,
    point: PointKey = (1, 1),
    kind: EventType = "reservationFinished",
    at: datetime | None = None,
    energy: float | None = None,
) -> Ended:
    """A reservation with 10 kW at a price of 0.5 for one kWh."""
    hours = length / timedelta(hours=1)
    row = EndedReservation(1, *point, 10, start, start + length, hours, hours * 5)
    return Ended(kind, at or start + length, row, energy)


@st.composite
def endings(draw: st.DrawFn) -> Ended:
    start = SPRING + draw(st.integers(-1_000, 5_000)) * MINUTE
    length = draw(st.integers(1, 400)) * MINUTE
    kind: EventType = "reservationCancelled" if draw(st.booleans()) else "reservationFinished"
    early = draw(st.integers(-60, 400)) if kind == "reservationCancelled" else 400
    point = draw(st.tuples(st.integers(1, 3), st.integers(1, 2)))
    return ended(start, length, point=point, kind=kind, at=start + early * MINUTE)


@st.composite
def periods(draw: st.DrawFn) -> Period:
    first = date(2026, 3, 27) + timedelta(days=draw(st.integers(0, 4)))
    last = first + timedelta(days=draw(st.integers(0, 3)))
    return Period.of_days(first, last, draw(st.sampled_from(ZONES)))


def minute_by_minute(rows: list[Ended], period: Period) -> tuple[Counter[int], Counter[int]]:
    """The minutes of each hour of the day in the period, and those in which a point was in use."""
    in_period: Counter[int] = Counter()
    busy: Counter[int] = Counter()
    moment = period.start
    while moment < period.end:
        hour = moment.astimezone(period.zone).hour
        in_period[hour] += 1
        busy[hour] += sum(
            row.reservation.start <= moment < min(row.reservation.finish, row.at) for row in rows
        )
        moment += MINUTE
    return in_period, busy


@given(st.lists(endings(), max_size=8), periods())
def test_utilisation_is_that_of_each_minute(rows: list[Ended], period: Period) -> None:
    points = {(row.reservation.station_id, row.reservation.point_id) for row in rows} | {(9, 9)}
    figures = compute(rows, points, period).figures
    in_period, busy = minute_by_minute(rows, period)
    for hour in range(24):
        expected = busy[hour] / (len(points) * in_period[hour]) if in_period[hour] else None
        assert figures.utilisation_by_hour[hour] == (None if expected is None else pytest.approx(expected))
    assert figures.utilisation == pytest.approx(busy.total() / (len(points) * in_period.total()))


def brute_force(rows: list[Ended], period: Period) -> tuple[int, int, Decimal]:
    """Charges, cancellations and kWh, from the times alone."""
    charges = cancelled = 0
    energy = Decimal(0)
    for row in rows:
        end = min(row.at, row.reservation.finish)
        used = end - row.reservation.start
        if used > timedelta(0):
            if period.start <= end < period.end:
                charges += 1
                energy += Decimal(used // MINUTE) / 6
        elif period.start <= row.at < period.end:
            cancelled += 1
    return charges, cancelled, energy


@given(st.lists(endings(), max_size=20), periods())
def test_sums_are_those_of_the_rows(rows: list[Ended], period: Period) -> None:
    figures = compute(rows, [], period).figures
    charges, cancelled, energy = brute_force(rows, period)
    assert (figures.charges, figures.cancelled) == (charges, cancelled)
    assert abs(figures.energy - energy) < Decimal("0.0001")
    assert abs(figures.revenue - energy / 2) < Decimal("0.0001")


def sums(parts: list[Figures]) -> tuple[int, int, Decimal, Decimal]:
    return (
        sum(part.charges for part in parts),
        sum(part.cancelled for part in parts),
        sum((part.energy for part in parts), Decimal(0)),
        sum((part.revenue for part in parts), Decimal(0)),
    )


@given(st.lists(endings(), max_size=20), periods())
def test_totals_are_the_exact_sums_of_their_parts(rows: list[Ended], period: Period) -> None:
    report = compute(rows, [(1, 1), (4, 1)], period)
    assert [station.station_id for station in report.stations] == sorted(
        {station.station_id for station in report.stations}
    )
    assert sums([report.figures]) == sums([station.figures for station in report.stations])
    for station in report.stations:
        assert sums([station.figures]) == sums([point.figures for point in station.points])
    assert compute(reversed(rows), [(4, 1), (1, 1)], period) == report


def test_a_station_is_called_by_its_name() -> None:
    period = Period.of_days(date(2026, 3, 1), date(2026, 3, 1), ZoneInfo("UTC"))
    report = compute([], [(1, 1), (2, 1)], period, {1: "Praça", 2: None})
    assert [station.name for station in report.stations] == ["Praça", None]


def parts_of(report: Report) -> tuple[int, int, Decimal, Decimal]:
    return sums([report.figures])


@given(st.lists(endings(), max_size=20), st.sampled_from(ZONES))
def test_days_add_up_to_their_period(rows: list[Ended], zone: tzinfo) -> None:
    first = date(2026, 3, 27)
    days = [first + timedelta(days=number) for number in range(4)]
    whole = compute(rows, [], Period.of_days(days[0], days[-1], zone))
    each = [compute(rows, [], Period.of_days(day, day, zone)).figures for day in days]
    assert sums(each) == parts_of(whole)


WEEKEND = Period.of_days(date(2026, 3, 28), date(2026, 3, 29), UTC)
HOUR = timedelta(hours=1)


def test_a_no_show_is_counted_and_is_no_charge() -> None:
    rows = [
        ended(SPRING, HOUR, kind="reservationNoShow", at=SPRING + 15 * MINUTE),
        ended(SPRING - HOUR, HOUR, kind="reservationNoShow", at=SPRING - 45 * MINUTE),
        ended(SPRING, HOUR),
    ]
    report = compute(rows, [], WEEKEND)
    figures = report.figures
    assert (figures.no_shows, figures.charges, figures.cancelled) == (1, 1, 0)
    assert figures.energy == 10
    assert figures.utilisation == pytest.approx(1 / 48)
    assert report.stations[0].points[0].figures.no_shows == 1


def test_a_point_where_nobody_came_is_listed() -> None:
    row = ended(SPRING, HOUR, point=(8, 2), kind="reservationNoShow", at=SPRING + 15 * MINUTE)
    assert [station.station_id for station in compute([row], [], WEEKEND).stations] == [8]


@pytest.mark.parametrize(
    ("energy", "minutes", "expected", "revenue"),
    [
        (None, 30, 5, "2.5"),  # half of its time
        (None, 60, 10, "5"),
        (None, -5, 0, "0"),  # it began and ended before its start
        (4, 60, 4, "2"),
        (2.5, 30, "2.5", "1.25"),
        (12, 60, 12, "5"),  # more than was booked, and no dearer
        (0, 60, 0, "0"),
    ],
)
def test_what_the_charger_tells_counts_for_what_was_booked(
    energy: float | None, minutes: int, expected: float | str, revenue: str
) -> None:
    row = ended(SPRING + HOUR, HOUR, at=SPRING + HOUR + minutes * MINUTE, energy=energy)
    figures = compute([row], [], WEEKEND).figures
    assert figures.charges == 1
    assert (figures.energy, figures.revenue) == (Decimal(expected), Decimal(revenue))
    assert figures.utilisation == pytest.approx(max(0, minutes) / 60 / 48)


def test_a_day_without_an_hour_has_no_utilisation_for_it() -> None:
    period = Period.of_days(date(2026, 3, 29), date(2026, 3, 29), BERLIN)
    figures = compute([ended(period.start, 23 * HOUR)], [], period).figures
    assert figures.utilisation_by_hour == (1.0, 1.0, None, *[1.0] * 21)
    assert figures.utilisation == 1


def test_a_point_without_charges_is_listed_and_counts() -> None:
    period = Period.of_days(date(2026, 3, 28), date(2026, 3, 28), UTC)
    report = compute([ended(SPRING, timedelta(hours=12))], [(1, 1), (1, 2), (2, 1)], period)
    assert [(row.station_id, len(row.points)) for row in report.stations] == [(1, 2), (2, 1)]
    assert [row.figures.utilisation for row in report.stations] == [0.25, 0.0]
    assert report.figures.utilisation == pytest.approx(1 / 6)


def test_money_is_added_as_it_was_written() -> None:
    period = Period.of_days(date(2026, 3, 28), date(2026, 3, 28), UTC)
    rows = [
        Ended("reservationFinished", SPRING, EndedReservation(1, 1, 1, 0.1, SPRING, SPRING, 1, price))
        for price in (0.1, 0.2, 1e25)
    ]
    figures = compute(rows, [], period).figures
    assert str(figures.revenue) == "10000000000000000000000000.300000"
    assert figures.energy == Decimal("0.3")
