"""Checks the files of a data folder, even while the service runs. Exits with 1 if something is wrong."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

from msgspec import Struct

from cloud_service.config.command_line import Argument
from cloud_service.config.shared import TimeZone
from cloud_service.store.errors import DamagedStore
from cloud_service.store.names import SET_ASIDE
from cloud_service.store.snapshot import SnapshotFailed, take_snapshot
from cloud_service.store.verify import Report, describe_row, examine, unreadable

_MOST_ROWS: Final = 20
"""Of set_aside.json, on the screen."""


class Options(Struct, frozen=True):
    folder: Annotated[
        Path, Argument(metavar="DATA-DIR", type=Path, help="the data folder; nothing is written to it")
    ]
    time_zone: TimeZone = None


def main(options: Options) -> int:
    try:
        report = examine(take_snapshot(options.folder), options.time_zone, datetime.now(UTC))
    except SnapshotFailed as error:
        print(f"recharge verify: {error}", file=sys.stderr)
        return 1
    except DamagedStore as damage:
        report = unreadable(damage)
    if report.readable:
        _print_counts(report)
    for note in report.notes:
        print(f"note: {note}")
    for finding in report.findings:
        print(f"WRONG: {finding}")
    _print_set_aside(report)
    print(_verdict(report))
    return 1 if report.findings else 0


def _verdict(report: Report) -> str:
    if report.findings:
        return "not sound"
    if report.set_aside:
        return f"sound, without what is in {SET_ASIDE}"
    return "sound"


def _print_set_aside(report: Report) -> None:
    for row in report.set_aside[:_MOST_ROWS]:
        print(f"set aside: {describe_row(row)}")
    if len(report.set_aside) > _MOST_ROWS:
        print(f"set aside: {len(report.set_aside) - _MOST_ROWS} more; {SET_ASIDE} has all of them")


def _print_counts(report: Report) -> None:
    tables = report.tables
    print(
        f"{len(tables.stations)} stations, {len(tables.points)} points,"
        f" {len(tables.reservations)} reservations; {report.ended} that ended are in the history"
    )
    print(
        f"{report.sequence} batches were written, {report.lines} since the last checkpoint;"
        f" {report.remembered} requests are remembered"
    )
