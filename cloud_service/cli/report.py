"""Adds up the history of a period: charges, energy, revenue, and how much the points were used.

Works while the service runs. Without --from and --to, it covers the last 30 days.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import msgspec
import psycopg
from msgspec import Struct

from cloud_service.cli import report_tables
from cloud_service.cli.days import read_day
from cloud_service.cli.failure import complain
from cloud_service.cli.output_options import CannotDraw, OutputOptions
from cloud_service.config.command_line import Argument
from cloud_service.config.setting import SettingError
from cloud_service.config.shared import DataFolder, TimeZone
from cloud_service.core.tables import Tables
from cloud_service.database.copying.reading import read_tables
from cloud_service.database.history import read_ended_since
from cloud_service.database.migrations import WrongSchema, require_schema
from cloud_service.database.settings import StateLogin
from cloud_service.database.snapshot import database_snapshot
from cloud_service.language.language import language_of_environment
from cloud_service.language.text import Text
from cloud_service.reports.period import HOURS, Period
from cloud_service.reports.report import Figures, Report, compute
from cloud_service.store.ended import Ended, read_ended
from cloud_service.store.errors import DamagedStore
from cloud_service.store.recovery import read_folder
from cloud_service.store.snapshot import SnapshotFailed, take_snapshot

_DAYS: Final = 30
_BEGINS_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class Options(Struct, frozen=True, kw_only=True):
    first: Annotated[
        date | None,
        Argument("--from", metavar="DAY", type=read_day, help="first day, such as 2026-03-01"),
    ] = None
    last: Annotated[
        date | None,
        Argument("--to", metavar="DAY", type=read_day, help="last day, which is included (default: today)"),
    ] = None
    output: OutputOptions
    data: DataFolder
    state: StateLogin
    time_zone: TimeZone = None


def main(options: Options) -> int:
    options.output.require_one_format()
    period = _period(options, datetime.now(UTC))
    try:
        options.output.require_drawable()
        report = _read(options, period)
    except (CannotDraw, SnapshotFailed, DamagedStore, WrongSchema) as error:
        return complain("report", error)
    except psycopg.Error as error:
        return complain("report", Text("the database failed: {error}", error=error))
    try:
        options.output.draw(partial(_draw, report))
    except CannotDraw as error:
        return complain("report", error)
    options.output.show(
        tables=lambda: report_tables.show(report, period.zone, language_of_environment()),
        json=lambda: _json(report),
        rows=lambda: _rows(report),
    )
    return 0


def _period(options: Options, now: datetime) -> Period:
    """The days that were asked for. Raises SettingError."""
    last = options.last or now.astimezone(options.time_zone).date()
    first = options.first or last - timedelta(days=_DAYS - 1)
    if last < first:
        raise SettingError(
            "--from {first} --to {last}: the last day is before the first", first=first, last=last
        )
    return Period.of_days(first, last, options.time_zone)


def _read(options: Options, period: Period) -> Report:
    """Raises what reading a folder or a database raises."""
    if options.state.address is not None:
        return _read_database(options.state.address, period)
    return _read_folder(options.data.data_dir, period, datetime.now(UTC))


def _read_database(address: str, period: Period) -> Report:
    with database_snapshot(address, "recharge report") as database:
        require_schema(database)
        return _report(read_ended_since(database, period.start), read_tables(database, 0), period)


def _read_folder(data_dir: Path, period: Period, now: datetime) -> Report:
    folder = take_snapshot(data_dir)
    contents = read_folder(folder, period.zone, now)
    # A reservation is in the file of the month in which it ended, or was found to have ended.
    ended = read_ended(folder, contents, first_month=f"{period.start:%Y-%m}")
    return _report(ended, contents.recovered.tables, period)


def _report(ended: Iterable[Ended], tables: Tables, period: Period) -> Report:
    names = {number: station.name for number, station in tables.stations.items()}
    return compute(ended, tables.points, period, names)


def _draw(report: Report, file: Path) -> None:
    from cloud_service.cli import report_plot

    report_plot.draw(report, file, language_of_environment())


def _json(report: Report) -> str:
    """Energy and revenue are exact decimal numbers."""
    encoded = msgspec.json.Encoder(decimal_format="number").encode(_flat(report))
    return msgspec.json.format(encoded, indent=4).decode()


def _flat(report: Report) -> dict[str, Any]:
    """The report with the figures of a station or a point beside its ID."""
    return {
        "from": report.start,
        "to": report.end,
        "all": report.figures,
        "stations": [
            {
                "chargingStationID": station.station_id,
                "name": station.name,
                **_named(station.figures),
                "points": [
                    {"chargingPointID": point.point_id, **_named(point.figures)} for point in station.points
                ],
            }
            for station in report.stations
        ],
    }


def _named(figures: Figures) -> dict[str, Any]:
    names = (field.encode_name for field in msgspec.structs.fields(figures))
    return dict(zip(names, msgspec.structs.astuple(figures), strict=True))


def _rows(report: Report) -> Iterator[list[object]]:
    """A row for the whole network, then each station and its points. `of` says which kind a row is."""
    names = ("charges", "cancelled", "noShows", "kWh", "revenue", "utilisation")
    by_hour = (f"utilisation{hour:02}" for hour in HOURS)
    yield ["of", "chargingStationID", "chargingPointID", *names, *by_hour, "name"]
    yield ["all", "", "", *_cells(report.figures), ""]
    for station in report.stations:
        name = _harmless(station.name or "")
        yield ["station", station.station_id, "", *_cells(station.figures), name]
        for point in station.points:
            yield ["point", station.station_id, point.point_id, *_cells(point.figures), name]


def _harmless(name: str) -> str:
    """Others wrote the name: a spreadsheet would run a formula, and shows this as a text."""
    return f"'{name}" if name.startswith(_BEGINS_FORMULA) else name


def _cells(figures: Figures) -> list[object]:
    *cells, by_hour = msgspec.structs.astuple(figures)
    return [*cells, *by_hour]
