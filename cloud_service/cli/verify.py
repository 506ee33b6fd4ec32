"""Checks the files of a data folder, even while the service runs. Exits with 1 if something is wrong."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

from msgspec import Struct

from cloud_service.cli.failure import complain
from cloud_service.config.command_line import Argument
from cloud_service.config.shared import TimeZone
from cloud_service.language.language import language_of_environment
from cloud_service.language.text import Text
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
        return complain("verify", error)
    except DamagedStore as damage:
        report = unreadable(damage)
    say = language_of_environment()
    for text in _lines(report):
        print(say(text))
    return 1 if report.findings else 0


def wrong(finding: Text) -> Text:
    """A finding, as `verify`, `backup`, `restore` and `forget` show it."""
    return Text("WRONG: {finding}", finding=finding)


def _lines(report: Report) -> Iterator[Text]:
    if report.readable:
        yield from _counts(report)
    yield from (Text("note: {note}", note=note) for note in report.notes)
    yield from map(wrong, report.findings)
    yield from _set_aside(report)
    yield _verdict(report)


def _verdict(report: Report) -> Text:
    if report.findings:
        return Text("not sound")
    if report.set_aside:
        return Text("sound, without what is in {file}", file=SET_ASIDE)
    return Text("sound")


def _set_aside(report: Report) -> Iterator[Text]:
    for row in report.set_aside[:_MOST_ROWS]:
        yield Text("set aside: {row}", row=describe_row(row))
    if (more := len(report.set_aside) - _MOST_ROWS) > 0:
        yield Text("set aside: {count} more; {file} has all of them", count=more, file=SET_ASIDE)


def _counts(report: Report) -> Iterator[Text]:
    tables = report.tables
    yield Text(
        "{stations} stations, {points} points, {reservations} reservations; {ended} that ended are in the"
        " history",
        stations=len(tables.stations),
        points=len(tables.points),
        reservations=len(tables.reservations),
        ended=report.ended,
    )
    yield Text(
        "{batches} batches were written, {lines} since the last checkpoint; {requests} requests are"
        " remembered",
        batches=report.sequence,
        lines=report.lines,
        requests=report.remembered,
    )
