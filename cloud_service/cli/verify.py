"""Checks a data folder or a database, even while the service runs. Exits with 1 if something is wrong."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Final

import psycopg
from msgspec import Struct

from cloud_service.cli.failure import complain
from cloud_service.config.command_line import Argument
from cloud_service.config.setting import SettingError
from cloud_service.config.shared import TimeZone
from cloud_service.database.settings import StateLogin
from cloud_service.database.snapshot import database_snapshot
from cloud_service.database.verifying.verify import DatabaseReport, examine_database
from cloud_service.language.language import language_of_environment
from cloud_service.language.text import Text
from cloud_service.store.errors import DamagedStore
from cloud_service.store.names import SET_ASIDE
from cloud_service.store.snapshot import SnapshotFailed, take_snapshot
from cloud_service.store.verify import Report, describe_row, examine, unreadable

_MOST_ROWS: Final = 20
"""Of set_aside.json, on the screen."""
_MOST_FINDINGS: Final = 100
"""Of a database, on the screen: one missing constraint may let many rows through."""


class Options(Struct, frozen=True):
    state: StateLogin
    folder: Annotated[
        Path | None,
        Argument(
            metavar="DATA-DIR",
            nargs="?",
            type=Path,
            help="the data folder; nothing is written to it (default: the database of --state)",
        ),
    ] = None
    time_zone: TimeZone = None


def main(options: Options) -> int:
    if options.folder is not None:
        return _verify_folder(options.folder, options)
    if options.state.address is not None:
        return _verify_database(options.state.address)
    raise SettingError("nothing to check: name a data folder, or a database with --state")


def _verify_folder(folder: Path, options: Options) -> int:
    try:
        report = examine(take_snapshot(folder), options.time_zone, datetime.now(UTC))
    except SnapshotFailed as error:
        return complain("verify", error)
    except DamagedStore as damage:
        report = unreadable(damage)
    _show(_lines(report))
    return 1 if report.findings else 0


def _verify_database(address: str) -> int:
    try:
        with database_snapshot(address, "recharge verify") as database:
            report = examine_database(database)
    except psycopg.Error as error:
        return complain("verify", Text("the database failed: {error}", error=error))
    _show(_lines_of_database(report))
    return 1 if report.findings else 0


def _show(lines: Iterator[Text]) -> None:
    say = language_of_environment()
    for text in lines:
        print(say(text))


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


def _lines_of_database(report: DatabaseReport) -> Iterator[Text]:
    if report.readable:
        yield _counts_of_records(report)
        yield Text(
            "{requests} requests are remembered; {events} events are not published yet",
            requests=report.remembered,
            events=report.events,
        )
    yield from map(wrong, report.findings[:_MOST_FINDINGS])
    if (more := len(report.findings) - _MOST_FINDINGS) > 0:
        yield Text("WRONG: {count} more", count=more)
    yield Text("the database is not sound") if report.findings else Text("the database is sound")


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
    yield _counts_of_records(report)
    yield Text(
        "{batches} batches were written, {lines} since the last checkpoint; {requests} requests are"
        " remembered",
        batches=report.sequence,
        lines=report.lines,
        requests=report.remembered,
    )


def _counts_of_records(report: Report | DatabaseReport) -> Text:
    tables = report.tables
    return Text(
        "{stations} stations, {points} points, {reservations} reservations; {ended} that ended are in the"
        " history",
        stations=len(tables.stations),
        points=len(tables.points),
        reservations=len(tables.reservations),
        ended=report.ended,
    )
