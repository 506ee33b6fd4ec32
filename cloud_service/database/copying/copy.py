"""Copies a network from a folder into a database, or back, and compares both.

A copy into a database is one transaction; a copy into a folder ends with the removal of a mark. So nothing of
an interrupted copy counts, and the same command begins again. Until then, services refuse to start there.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

from msgspec import Struct
from psycopg import sql
from psycopg.abc import Query

from cloud_service.core.rules import DEFAULT_RULES
from cloud_service.database.access import half_copied_from, use_alone
from cloud_service.database.connection import Database, connect
from cloud_service.database.copying.contents import Advance, Contents, Tally
from cloud_service.database.copying.differences import require_same
from cloud_service.database.copying.folder import (
    NotCopied,
    ReadFolder,
    end_copy,
    read_whole_folder,
    write_whole_folder,
)
from cloud_service.database.copying.reading import read_lines, read_whole_database
from cloud_service.database.copying.unfit import find_unfit
from cloud_service.database.copying.writing import (
    Copied,
    make_partitions,
    months_between,
    write_lines,
    write_whole_database,
)
from cloud_service.database.migrations import require_schema
from cloud_service.database.rules import note_rules
from cloud_service.store.filesystem import Folder
from cloud_service.store.frozen_folder import FrozenFolder
from cloud_service.store.names import HALF_COPIED
from cloud_service.store.network_clock import read_clock

_FILLED: Final = (
    "stations",
    "points",
    "reservations",
    "sessions",
    "absences",
    "requests",
    "history",
    "events",
)


class Summary(Struct, frozen=True):
    """What was copied."""

    contents: Contents
    ended: int
    """Reservations in the history."""


@contextmanager
def opened_alone(address: str, name: str = "recharge migrate") -> Iterator[Database]:
    """A connection for long work, on a database that no service uses until the block ends.

    Raises InUse, and psycopg.Error.
    """
    with connect(address, name=name, answer_seconds=None) as database:
        database.execute("SET statement_timeout = 0")
        database.execute("SET idle_in_transaction_session_timeout = 0")
        use_alone(database)
        yield database


def begin_copy_into(database: Database, source: str) -> bool:
    """Marks the database as incomplete. Returns whether an earlier copy left a mark.

    Raises NotCopied if there is a network in it, and psycopg.Error.
    """
    for table in _FILLED:
        query: Query = sql.SQL("SELECT EXISTS (SELECT FROM {})").format(sql.Identifier(table))
        if _value(database, query):
            raise NotCopied("the database holds a network: {table}; name an empty one", table=table)
    if _value(database, "SELECT last_station_id > 0 FROM network"):
        raise NotCopied("the database held a network before, and knows its IDs; name a new one")
    is_repeated = half_copied_from(database) is not None
    database.execute("UPDATE network SET half_copied_from = %s", [source])
    return is_repeated


def copy_into_database(source: ReadFolder, database: Database, now: datetime, advance: Advance) -> Summary:
    """Copies what was read, reads it back, and commits. Raises NotCopied, CopyDiffers and psycopg.Error."""
    contents = source.contents
    for problem in find_unfit(contents.tables):
        raise NotCopied(
            "{problem}, as the old server's may be: start the service on the folder, and wait until one of"
            " them has ended",
            problem=problem,
        )
    written, read = Tally(), Tally()
    with database.transaction():
        write_whole_database(database, contents, Copied.now(now, DEFAULT_RULES), advance)
        moments = [line.at for line in source.lines()]
        if moments:
            make_partitions(database, months_between(min(moments), max(moments)))
        write_lines(database, written.counting(source.lines(), advance))
        speed = 1.0 if contents.clock is None else contents.clock.speed
        found = read_whole_database(database, speed)
        advance(len(found))
        for _ in read.counting(read_lines(database), advance):
            pass
        require_same(found, contents, read, written)
        note_rules(database, DEFAULT_RULES)  # a service with other rules computes again what is due
        database.execute("UPDATE network SET half_copied_from = NULL")
    database.execute("ANALYZE")
    return Summary(contents, written.count)


def read_alone(database: Database, speed: float) -> Contents:
    """Reads a database that nobody else uses. `speed` is how fast time passes in its network.

    Raises NotCopied if the network is incomplete, WrongSchema, and psycopg.Error.
    """
    require_schema(database)
    source = half_copied_from(database)
    if source is not None:
        raise NotCopied("the copy of {source} to this database was broken off", source=source)
    with database.transaction():
        return read_whole_database(database, speed)


def copy_into_folder(
    contents: Contents,
    database: Database,
    folder: Folder,
    read_back: Callable[[], FrozenFolder],
    now: datetime,
    advance: Advance,
) -> Summary:
    """Copies what was read from the database, and its history. Reads the folder back, and removes its mark.

    Raises CopyDiffers, OSError, DamagedStore and psycopg.Error.
    """
    written, read = Tally(), Tally()
    with database.transaction():
        advance(len(contents))
        write_whole_folder(folder, contents, written.counting(read_lines(database), advance), now)
    found = read_whole_folder(read_back().without(HALF_COPIED), read_clock(folder), None, now)
    advance(len(found.contents))
    for _ in read.counting(found.lines(), advance):
        pass
    require_same(found.contents, contents, read, written)
    end_copy(folder)
    return Summary(contents, written.count)


def _value(database: Database, query: Query) -> Any:
    row = database.execute(query).fetchone()
    return row and row[0]
