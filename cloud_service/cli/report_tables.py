"""The tables of `recharge report`."""

from datetime import timedelta, tzinfo
from decimal import Decimal
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.progress_bar import ProgressBar
from rich.table import Table

from cloud_service.reports.report import Figures, Report, StationReport
from recharge.terminal.console import open_console

_MOST_STATIONS: Final = 20
_BAR_WIDTH: Final = 30


def show(report: Report, zone: tzinfo | None) -> None:
    """Prints the stations with the most energy, all of them together, and the hours of the day."""
    console = open_console()
    first = report.start.astimezone(zone)
    last = (report.end - timedelta(microseconds=1)).astimezone(zone)
    console.print(f"Charges that ended from {first:%Y-%m-%d} to {last:%Y-%m-%d}, {first:%Z}", soft_wrap=True)
    most = sorted(report.stations, key=lambda station: -station.figures.energy)[:_MOST_STATIONS]
    console.print(_stations(most, report))
    if left_out := len(report.stations) - len(most):
        console.print(f"{left_out} more stations; --csv and --json have all of them", soft_wrap=True)
    console.print(_hours(report.figures))


def _stations(stations: list[StationReport], report: Report) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 1), pad_edge=False)
    table.add_column("Station", no_wrap=True)
    for name in ("Charges", "Cancelled", "kWh", "Revenue", "In use"):
        table.add_column(name, justify="right", no_wrap=True)
    for station in stations:
        table.add_row(str(station.station_id), *_cells(station.figures), style="bold")
        for point in station.points:
            table.add_row(f"  point {point.point_id}", *_cells(point.figures))
    table.add_section()
    table.add_row("all", *_cells(report.figures), style="bold")
    return table


def _cells(figures: Figures) -> tuple[str, ...]:
    return (
        f"{figures.charges:,}",
        f"{figures.cancelled:,}",
        _amount(figures.energy, 1),
        _amount(figures.revenue, 2),
        f"{figures.utilisation:.1%}",
    )


def _amount(number: Decimal, digits: int) -> str:
    return f"{number:,.{digits}f}"


def _hours(figures: Figures) -> Table:
    """How much the points were in use in each hour of the day."""
    table = Table(
        title="In use by hour of the day", title_justify="left", show_header=False, box=None, pad_edge=False
    )
    table.add_column(justify="right")
    table.add_column(width=_BAR_WIDTH)
    table.add_column(justify="right")
    for hour, share in enumerate(figures.utilisation_by_hour):
        if share is not None:
            bar = ProgressBar(total=1, completed=share, width=_BAR_WIDTH)
            table.add_row(f"{hour:02}", bar, f"{share:.1%}")
    return table
