"""The tables of `recharge ocpp`."""

from collections.abc import Mapping
from typing import Final

from rich.box import SIMPLE_HEAD
from rich.table import Table

from cloud_service.language.language import Language, language_of_environment
from cloud_service.language.text import Text
from cloud_service.protocol.ocpp import ChargerRecord, Place
from recharge.terminal.console import open_console

_STATUSES: Final = {
    "free": Text("free"),
    "occupied": Text("occupied"),
    "reserved": Text("reserved"),
    "unavailable": Text("unavailable"),
    "faulted": Text("faulted"),
}
"""What a connector does, as gateways write it down."""


def show_pending(records: Mapping[str, ChargerRecord]) -> None:
    """The chargers that wait for their place."""
    say, console = language_of_environment(), open_console()
    if not records:
        console.print(say("No charger is waiting for its place"))
        return
    table = _table(say("Identity"), say("Manufacturer"), "OCPP", say("Connected"))
    for identity, record in sorted(records.items()):
        table.add_row(identity, _maker(record), record.version, _connected(record, say))
    console.print(table)


def show_list(records: Mapping[str, ChargerRecord], places: Mapping[str, Place]) -> None:
    """All chargers, and then what is unusual about each of them."""
    say, console = language_of_environment(), open_console()
    if not records and not places:
        console.print(say("No charger has connected yet"))
        return
    table = _table(
        say("Identity"), say("Station"), say("Points"), say("Manufacturer"), "OCPP", say("Connected")
    )
    for identity in sorted({*records, *places}):
        record = records.get(identity)
        if record is None:
            table.add_row(identity, "", "", "", "", say("never"))
            continue
        station = say("pending") if identity not in places else str(record.station or "")
        table.add_row(
            identity, station, _points(record, say), _maker(record), record.version, _connected(record, say)
        )
    console.print(table)
    for identity, record in sorted(records.items()):
        if record.leniencies:
            console.print(say("Unusual about {identity}:", identity=identity))
        for leniency in record.leniencies:
            console.print(f"· {leniency}", soft_wrap=True)


def _table(*columns: str) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(column)
    return table


def _maker(record: ChargerRecord) -> str:
    return " ".join(part for part in (record.vendor, record.model) if part)


def _points(record: ChargerRecord, say: Language) -> str:
    """Each connector, with what it is doing."""
    told = {
        connector: say(_STATUSES[status]) if status in _STATUSES else status
        for connector, status in record.statuses.items()
    }
    return ", ".join(f"{connector}: {told.get(connector, '?')}" for connector in sorted(record.points))


def _connected(record: ChargerRecord, say: Language) -> str:
    return record.gateway if record.online else say("no")
