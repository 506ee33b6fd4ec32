"""Bring a real network in: the stations of a CSV export of the US Alternative Fuels Data Center."""

import math
import sys
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from cloud_service.cli.client_options import INTERRUPTED, account, count, finite, positive, price, run, say
from cloud_service.cli.settings import broker_address
from cloud_service.mqtt.requester import OutcomeUnknown
from cloud_service.protocol.errors import RequestError
from recharge.charger import Charger
from recharge.language import Language
from recharge.station_import.afdc import Export, NotAnExport, Site, project, read_export, sites
from recharge.station_import.importer import Importer, Tally

ACCOUNT: Final = "operator-import"
CENTRE: Final = (47.4, -120.7)
"""In the middle of Washington State. It is fixed, not reckoned from the file: with another centre an updated
file would put all its stations elsewhere, and so register them a second time."""
FAR: Final = 500.0
"""Kilometres from the centre beyond which those eastward are noticeably off."""
REQUEST_SECONDS: Final = 60.0
"""A busy service says BUSY for a while."""


def add_arguments(parser: ArgumentParser) -> None:
    parser.add_argument("file", metavar="FILE", type=Path, help="the CSV export")
    parser.add_argument(
        "--name", help=f"account that is to own the stations (default: the broker's account, else {ACCOUNT})"
    )
    parser.add_argument(
        "--centre",
        "--center",
        metavar="LAT,LON",
        type=_centre,
        default=CENTRE,
        help="degrees of the place at 0, 0; the same at each import (default: {},{})".format(*CENTRE),
    )
    parser.add_argument(
        "--price", metavar="AMOUNT", type=price, default=0.4, help="of one kWh (default: 0.4)"
    )
    parser.add_argument(
        "--level1", metavar="KW", type=positive, default=1.9, help="power of a level 1 port (default: 1.9)"
    )
    parser.add_argument(
        "--level2", metavar="KW", type=positive, default=7.2, help="power of a level 2 port (default: 7.2)"
    )
    parser.add_argument(
        "--fast", metavar="KW", type=positive, default=50, help="power of a fast port (default: 50)"
    )
    parser.add_argument(
        "--at-once", metavar="N", type=count, default=32, help="stations in work at once (default: 32)"
    )


def _centre(text: str) -> tuple[float, float]:
    latitude, comma, longitude = text.partition(",")
    place = finite(latitude), finite(longitude) if comma else math.inf
    if not (abs(place[0]) < 90 and abs(place[1]) <= 180):
        raise ArgumentTypeError(f"{text!r} is no latitude and longitude in degrees: 47.6,-122.3 is")
    return place


def main(options: Namespace) -> int:
    return run(_bring_in(options, say()), ended=INTERRUPTED)


async def _bring_in(options: Namespace, say: Language) -> int:
    console = Console(highlight=False)
    broker = broker_address(options)
    name = account(options, ACCOUNT)
    powers = (options.level1, options.level2, options.fast)
    try:
        with options.file.open(encoding="utf-8-sig", errors="replace", newline="") as lines:
            export = read_export(lines)
    except (OSError, NotAnExport) as error:
        console.print(say("{file} cannot be read: {reason}", file=options.file, reason=error), soft_wrap=True)
        return 1
    _warn_if_far(export, options.centre, console, say)
    found = sites(export.rows, options.centre, powers)
    failure = None
    with _Bar(console, len(found), say) as bar:
        charger = Charger(name, broker, limit=options.at_once, timeout=REQUEST_SECONDS, presence=False)
        async with charger:
            importer = Importer(charger, powers, options.price, bar.moved_on)
            try:
                await importer.run(found, options.at_once)
            except* (RequestError, OutcomeUnknown, ConnectionError) as group:
                failure = group.exceptions[0]
    console.print(_summary(export, found, importer.tally, say))
    if failure is not None:
        text = "Stopped: {reason}. Import again: what is there already is not doubled."
        print(say(text, reason=failure), file=sys.stderr)
    return 0 if failure is None else 1


def _warn_if_far(export: Export, centre: tuple[float, float], console: Console, say: Language) -> None:
    away = math.hypot(*project(*export.middle, centre))
    if export.rows and away > FAR:
        text = say(
            "These stations lie {kilometres} km from the centre, which skews distances east and west; "
            "--centre {latitude:.1f},{longitude:.1f} would suit them. Keep to one centre: with another one "
            "the same file makes other stations.",
            kilometres=say.number(away, 0),
            latitude=export.middle[0],
            longitude=export.middle[1],
        )
        console.print(text, style="yellow")


class _Bar:
    """How far the import is: a bar on a terminal, a line for each tenth elsewhere."""

    def __init__(self, console: Console, total: int, say: Language) -> None:
        self._console = console
        self._total = total
        self._say = say
        self._progress = Progress(
            TextColumn(say("Stations")),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("[dim]{task.fields[points]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._progress.add_task("", total=total, points="")

    def __enter__(self) -> "_Bar":
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def moved_on(self, tally: Tally) -> None:
        points = self._say(
            "{points} points", points=self._say.number(tally.new_points + tally.known_points, 0)
        )
        self._progress.update(self._task, completed=tally.stations, points=points)
        tenth = max(1, self._total // 10)
        if not self._console.is_terminal and tally.stations % tenth == 0:
            text = "{stations} of {total} stations"
            number = self._say.number
            self._console.print(
                self._say(text, stations=number(tally.stations, 0), total=number(self._total, 0))
            )


def _summary(export: Export, found: Sequence[Site], tally: Tally, say: Language) -> Table:
    table = Table(show_header=False, box=None)
    table.add_column(justify="right")
    table.add_column()

    def row(number: int, text: str, style: str = "") -> None:
        table.add_row(say.number(number, 0), text, style=style)

    row(len(export.rows) + sum(export.left_out.values()), say("rows in the file"))
    for reason, number in export.left_out.items():
        row(number, say("left out: {reason}", reason=say(reason)), "dim")
    row(len(found), say("stations in the file"), "bold")
    row(tally.new_stations, say("added"))
    row(tally.known_stations, say("there already"))
    if tally.foreign_stations:
        row(tally.foreign_stations, say("left out: the location has another owner's station"), "yellow")
    row(sum(sum(site.points.values()) for site in found), say("points in the file"), "bold")
    row(tally.new_points, say("added"))
    row(tally.known_points, say("there already"))
    if tally.surplus_points:
        row(tally.surplus_points, say("more at these stations, left as they are"), "dim")
    return table
