"""The tables of `recharge report`."""

from datetime import timedelta, tzinfo
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.progress_bar import ProgressBar
from rich.table import Table

from cloud_service.language.language import Language
from cloud_service.reports.report import Figures, Report, StationReport
from recharge.terminal.console import open_console

_MOST_STATIONS: Final = 20
_BAR_WIDTH: Final = 30
_LONGEST_NAME: Final = 24


def show(report: Report, zone: tzinfo | None, say: Language) -> None:
    """Prints the stations with the most energy, all of them together, and the hours of the day."""
    console = open_console()
    first = report.start.astimezone(zone)
    last = (report.end - timedelta(microseconds=1)).astimezone(zone)
    days = {"first": say.day(first), "last": say.day(last), "zone": f"{first:%Z}"}
    console.print(say("Charges that ended from {first} to {last}, {zone}", **days), soft_wrap=True)
    most = sorted(report.stations, key=lambda station: -station.figures.energy)[:_MOST_STATIONS]
    console.print(_stations(most, report, say))
    if left_out := len(report.stations) - len(most):
        text = say("{stations} more stations; --csv and --json have all of them", stations=left_out)
        console.print(text, soft_wrap=True)
    console.print()
    console.print(_hours(report.figures, say))


def _stations(stations: list[StationReport], report: Report, say: Language) -> Table:
    table = Table(box=SIMPLE_HEAD, padding=(0, 0), pad_edge=False, show_edge=False)
    table.add_column(say("Station"), no_wrap=True, max_width=_LONGEST_NAME)
    for name in (
        say("Charges"),
        say("Can-\ncelled"),
        say("No-\nshows"),
        "kWh",
        say("Revenue"),
        say("In use"),
    ):
        table.add_column(name, justify="right", no_wrap=True)
    for station in stations:
        title = " ".join(filter(None, (str(station.station_id), station.name)))
        table.add_row(title, *_cells(station.figures, say), style="bold")
        for point in station.points:
            table.add_row(say("  point {point}", point=point.point_id), *_cells(point.figures, say))
    table.add_section()
    table.add_row(say("all"), *_cells(report.figures, say), style="bold")
    return table


def _cells(figures: Figures, say: Language) -> tuple[str, ...]:
    return (
        say.number(figures.charges, 0),
        say.number(figures.cancelled, 0),
        say.number(figures.no_shows, 0),
        say.number(figures.energy),
        say.number(figures.revenue, 2),
        say.percent(figures.utilisation),
    )


def _hours(figures: Figures, say: Language) -> Table:
    """How much the points were in use in each hour of the day."""
    table = Table(
        title=say("In use by hour of the day"),
        title_justify="left",
        show_header=False,
        box=None,
        pad_edge=False,
    )
    table.add_column(justify="right")
    table.add_column(width=_BAR_WIDTH)
    table.add_column(justify="right")
    for hour, share in enumerate(figures.utilisation_by_hour):
        if share is not None:
            bar = ProgressBar(total=1, completed=share, width=_BAR_WIDTH)
            table.add_row(f"{hour:02}", bar, say.percent(share))
    return table
