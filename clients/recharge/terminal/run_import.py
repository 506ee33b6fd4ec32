"""Runs an import: shows how far it is, and a summary at the end."""

import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec import Struct
from rich.console import Console
from rich.table import Table

from cloud_service.language.language import Language
from recharge.charger import Charger
from recharge.errors import OutcomeUnknown, RequestError
from recharge.records import Number
from recharge.simulator.connection import watch_connection
from recharge.station_import.afdc import (
    Export,
    InvalidLine,
    MissingColumns,
    Site,
    Skipped,
    TooManyRows,
    project,
    read_export,
    to_sites,
)
from recharge.station_import.importer import Importer, Tally
from recharge.station_import.lines import UnreadableText, opened_lines
from recharge.terminal.console import open_console
from recharge.terminal.progress import StationProgress
from recharge.terminal.screen import Lines
from recharge.terminal.wording import explain

FAR_KM: Final = 500.0
"""Beyond this distance from the centre, east-west distances are noticeably wrong."""


class ImportRun(Struct, frozen=True):
    """What to import. `centre` is in degrees; `powers` are the kW of level 1, level 2 and fast ports."""

    file: Path
    charger: Charger
    centre: tuple[float, float]
    powers: tuple[Number, Number, Number]
    kwh_price: Number
    at_once: int


async def run_import(
    asked: ImportRun, say: Language, output_failure: Callable[[], object] = lambda: None
) -> int:
    """Imports the file. Returns the exit status; raises ConnectionError without a broker.

    `output_failure` returns whether what was printed is lost: the summary then goes to standard error.
    """
    console = open_console()
    export = read_file(asked.file, console, say)
    if export is None:
        return 1
    for row in export.invalid:
        reason = _describe_reason(row.reason, say)
        console.print(say("line {line} is left out: {reason}", line=row.line, reason=reason), style="yellow")
    _warn_if_far(export, asked.centre, console, say)
    sites = to_sites(export.rows, asked.centre, asked.powers)
    failure: Exception | None = None

    def show(tally: Tally) -> None:
        points = say.number(tally.new_points + tally.known_points, 0)
        bar.update(tally.stations, say("{points} points", points=points))

    with StationProgress(console, len(sites), say) as bar:
        async with asked.charger as charger, watch_connection(charger, Lines(console, say).report):
            importer = Importer(charger, asked.powers, asked.kwh_price, show)
            try:
                await importer.run(sites, asked.at_once)
            except* (RequestError, OutcomeUnknown, ConnectionError) as group:
                failure = group.exceptions[0]
    summary = _summary(export, sites, importer.tally, say)
    console.print(summary)
    if output_failure():
        open_console(sys.stderr).print(summary)
    if failure is not None:
        text = say(
            "Stopped: {reason}. Run the import again; it adds only what is missing.",
            reason=explain(failure, say),
        )
    elif importer.tally.new_stations or importer.tally.known_stations:
        return 0
    else:
        text = say(
            "Nothing was imported, and none of the file's stations was there before: the summary says why."
        )
    print(text, file=sys.stderr)
    return 1


def read_file(file: Path, console: Console, say: Language) -> Export | None:
    """Reads an export. Returns None, and says why, if it cannot be read."""
    try:
        with opened_lines(file) as lines:
            return read_export(lines)
    except (OSError, UnreadableText, MissingColumns, InvalidLine, TooManyRows) as error:
        text = say("Cannot read {file}: {reason}", file=file, reason=explain(error, say))
        console.print(text, soft_wrap=True)
        return None


def _warn_if_far(export: Export, centre: tuple[float, float], console: Console, say: Language) -> None:
    kilometres = math.hypot(*project(*export.middle, centre))
    if export.rows and kilometres > FAR_KM:
        text = say(
            "These stations are {kilometres} km from the centre, which distorts east-west distances; "
            "--centre={latitude:.1f},{longitude:.1f} suits them better. Always use the same centre: with "
            "another one, the same file registers other stations.",
            kilometres=say.number(kilometres, 0),
            latitude=export.middle[0],
            longitude=export.middle[1],
        )
        console.print(text, style="yellow")


def _summary(export: Export, sites: list[Site], tally: Tally, say: Language) -> Table:
    table = Table(show_header=False, box=None)
    table.add_column(justify="right")
    table.add_column()

    def row(number: int, text: str, style: str = "") -> None:
        table.add_row(say.number(number, 0), text, style=style)

    row(len(export.rows) + sum(export.skipped.values()), say("rows in the file"))
    for reason, number in export.skipped.items():
        row(number, say("left out: {reason}", reason=_describe_reason(reason, say)), "dim")
    row(len(sites), say("stations in the file"), "bold")
    row(tally.new_stations, say("added"))
    row(tally.known_stations, say("there already"))
    if tally.foreign_stations:
        row(tally.foreign_stations, say("left out: the location has another owner's station"), "yellow")
    row(sum(sum(site.points.values()) for site in sites), say("points in the file"), "bold")
    row(tally.new_points, say("added"))
    row(tally.known_points, say("there already"))
    if tally.surplus_points:
        row(tally.surplus_points, say("more at these stations, left as they are"), "dim")
    return table


def _describe_reason(reason: Skipped, say: Language) -> str:
    match reason:
        case Skipped.OTHER_FUEL:
            return say("another fuel")
        case Skipped.NOT_OPEN:
            return say("not open")
        case Skipped.NO_PORTS:
            return say("no charging ports")
        case Skipped.INVALID_PORTS:
            return say("invalid number of ports")
        case Skipped.NO_LOCATION:
            return say("no usable location")
        case Skipped.AT_ZERO:
            return say("the location is 0, 0")
        case Skipped.REPEATED:
            return say("repeated row")
