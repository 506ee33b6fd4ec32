"""Undoes an import: shows how far it is, what stays, and a summary at the end."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from msgspec import Struct
from rich.console import Console
from rich.table import Table

from cloud_service.language.language import Language
from cloud_service.mqtt.address import BrokerAddress
from recharge.charger import Charger
from recharge.errors import OutcomeUnknown, RequestError
from recharge.simulator.connection import watch_connection
from recharge.station_import.afdc import to_sites
from recharge.station_import.undo import Undo, UndoTally, stations_by_place
from recharge.terminal.console import open_console
from recharge.terminal.progress import StationProgress
from recharge.terminal.run_import import read_file
from recharge.terminal.screen import Lines
from recharge.terminal.wording import explain

_MOST_NAMED: Final = 20
_ANY_POWERS: Final = (1, 2, 3)
"""Only the places of a file's stations matter here."""


class UndoRun(Struct, frozen=True):
    """The import that is undone. `centre` is that of the import, in degrees."""

    file: Path
    broker: BrokerAddress
    charger: Charger
    centre: tuple[float, float]
    force: bool
    at_once: int


async def run_undo(asked: UndoRun, say: Language, output_failure: Callable[[], object] = lambda: None) -> int:
    """Undoes the import. Returns the exit status; raises ConnectionError without a broker.

    `output_failure` returns whether what was printed is lost: the summary then goes to standard error.
    """
    console = open_console()
    export = read_file(asked.file, console, say)
    if export is None:
        return 1
    sites = to_sites(export.rows, asked.centre, _ANY_POWERS)
    tally = UndoTally()
    failure: Exception | None = None
    try:
        stations = await stations_by_place(asked.broker, asked.charger.name)
    except OutcomeUnknown as error:
        failure = error
    else:
        with StationProgress(console, len(sites), say) as bar:
            async with asked.charger as charger, watch_connection(charger, Lines(console, say).report):
                undo = Undo(
                    charger, stations, force=asked.force, on_station=lambda tally: bar.update(tally.stations)
                )
                tally = undo.tally
                try:
                    await undo.run(sites, asked.at_once)
                except* (RequestError, OutcomeUnknown, ConnectionError) as group:
                    failure = group.exceptions[0]
    _name_kept(tally, console, say)
    summary = _summary(len(sites), tally, say)
    console.print(summary)
    if output_failure():
        open_console(sys.stderr).print(summary)
    if failure is not None:
        reason = explain(failure, say)
        text = say("Stopped: {reason}. Run it again; it deletes only what is left.", reason=reason)
        print(text, file=sys.stderr)
    return int(failure is not None or bool(tally.kept))


def _name_kept(tally: UndoTally, console: Console, say: Language) -> None:
    for station_id, reservations in sorted(tally.kept)[:_MOST_NAMED]:
        text = say(
            "Station {station} stays: reservations {reservations}. --force cancels them.",
            station=station_id,
            reservations=say.number(reservations, 0),
        )
        console.print(text, style="yellow")


def _summary(stations: int, tally: UndoTally, say: Language) -> Table:
    table = Table(show_header=False, box=None)
    table.add_column(justify="right")
    table.add_column()

    def row(number: int, text: str, style: str = "") -> None:
        table.add_row(say.number(number, 0), text, style=style)

    row(stations, say("stations in the file"), "bold")
    row(tally.removed, say("deleted"))
    row(tally.absent, say("not there"))
    if tally.foreign:
        row(tally.foreign, say("left: another owner's station"), "yellow")
    if tally.kept:
        row(len(tally.kept), say("left: stations with reservations"), "yellow")
    if tally.cancelled:
        row(tally.cancelled, say("reservations cancelled"), "yellow")
    return table
