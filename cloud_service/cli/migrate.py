"""Copies a network from the data folder into PostgreSQL, or back. The network must be stopped.

One of --from and --to is a data folder, the other a database. What is copied is read back and compared.
The source stays as it is.
"""

import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, TypeAlias

import psycopg
from msgspec import Struct
from rich.console import Console

from cloud_service.cli.failure import complain, of_file
from cloud_service.cli.migrate_progress import RecordProgress
from cloud_service.config.command_line import Argument
from cloud_service.config.setting import SettingError
from cloud_service.config.shared import ClockSettings, TimeZone
from cloud_service.config.values import DATABASE, FOLDER
from cloud_service.database.access import InUse
from cloud_service.database.copying.copy import (
    Summary,
    begin_copy_into,
    copy_into_database,
    copy_into_folder,
    opened_alone,
    read_alone,
)
from cloud_service.database.copying.differences import CopyDiffers
from cloud_service.database.copying.folder import NotCopied, begin_copy, read_whole_folder
from cloud_service.database.copying.reading import count_lines
from cloud_service.database.migrations import WrongSchema
from cloud_service.database.preparing import prepare_schema
from cloud_service.database.settings import StatePassword, with_password
from cloud_service.language.language import language_of_environment
from cloud_service.language.text import Text
from cloud_service.store.errors import StoreError
from cloud_service.store.filesystem import DiskFolder, FolderLocked
from cloud_service.store.names import holds_network
from cloud_service.store.network_clock import read_clock
from cloud_service.store.snapshot import SnapshotFailed, take_snapshot
from recharge.terminal.console import open_console

Place: TypeAlias = Path | str
"""A data folder, or the URL of a database."""


def _read_place(text: str) -> Place:
    place: Place = (DATABASE if "://" in text else FOLDER).read(text)
    return place


class Options(Struct, frozen=True, kw_only=True):
    source: Annotated[
        Place,
        Argument(
            "--from",
            metavar="PLACE",
            required=True,
            type=_read_place,
            help="where the network is: a data folder, or postgresql://...",
        ),
    ]
    target: Annotated[
        Place,
        Argument(
            "--to",
            metavar="PLACE",
            required=True,
            type=_read_place,
            help="where it goes: postgresql://... with the login that owns the database, or a folder;"
            " there must be no network there",
        ),
    ]
    clock: ClockSettings
    state_password: StatePassword = None
    time_zone: TimeZone = None


def main(options: Options) -> int:
    console, begun = open_console(sys.stderr), time.monotonic()
    try:
        match options.source, options.target:
            case Path() as folder, str() as database:
                summary = _into_database(
                    folder, with_password(database, options.state_password), options, console
                )
            case str() as database, Path() as folder:
                summary = _into_folder(
                    with_password(database, options.state_password), folder, options, console
                )
            case _:
                raise SettingError("--from and --to: one has to be a folder, the other a postgresql:// URL")
    except (NotCopied, CopyDiffers, InUse, FolderLocked, SnapshotFailed, StoreError, WrongSchema) as error:
        return complain("migrate", error)
    except OSError as error:
        return complain("migrate", of_file(error))
    except psycopg.Error as error:
        return complain("migrate", Text("the database failed: {error}", error=error))
    _tell(summary, time.monotonic() - begun)
    return 0


def _into_database(folder: Path, address: str, options: Options, console: Console) -> Summary:
    """Raises what reading a folder and writing a database raise."""
    if not (folder.is_dir() and holds_network(path.name for path in folder.iterdir())):
        raise NotCopied("{folder} is not a data folder: it holds no network", folder=folder)
    prepare_schema(address, None)
    now, say = datetime.now(UTC), language_of_environment()
    locked = DiskFolder(folder)
    try:
        source = read_whole_folder(take_snapshot(folder), read_clock(locked), options.time_zone, now)
        total = 2 * (len(source.contents) + source.count_lines())
        with opened_alone(address) as database:
            _note_repetition(begin_copy_into(database, str(folder.resolve())), console)
            with RecordProgress(console, total, say) as progress:
                return copy_into_database(source, database, now, progress.advance)
    finally:
        locked.close()


def _into_folder(address: str, folder: Path, options: Options, console: Console) -> Summary:
    """Raises what reading a database and writing a folder raise."""
    now, say = datetime.now(UTC), language_of_environment()
    with opened_alone(address) as database:
        contents = read_alone(database, options.clock.clock_speed)
        locked = DiskFolder(folder)
        try:
            _note_repetition(begin_copy(locked), console)
            total = 2 * (len(contents) + count_lines(database))
            with RecordProgress(console, total, say) as progress:
                return copy_into_folder(
                    contents, database, locked, lambda: take_snapshot(folder), now, progress.advance
                )
        finally:
            locked.close()


def _note_repetition(is_repeated: bool, console: Console) -> None:
    if is_repeated:
        console.print(language_of_environment()("An earlier copy was broken off. This one begins again."))


def _tell(summary: Summary, seconds: float) -> None:
    say, tables = language_of_environment(), summary.contents.tables
    print(
        say(
            "{stations} stations, {points} points, {reservations} reservations, {sessions} sessions,"
            " {requests} answered requests, {events} unpublished events, {ended} ended reservations:"
            " copied and compared in {seconds:.1f} s",
            stations=len(tables.stations),
            points=len(tables.points),
            reservations=len(tables.reservations),
            sessions=len(tables.sessions),
            requests=len(summary.contents.requests),
            events=len(summary.contents.events),
            ended=summary.ended,
            seconds=seconds,
        )
    )
