"""A backup of a database: a dump of one moment by pg_dump, read back and counted."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import Final
from uuid import uuid4

from msgspec import Struct
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from cloud_service.database.connection import Database, without_password
from cloud_service.database.migrations import SCHEMA
from cloud_service.store.backup import BackupFailed
from cloud_service.store.filesystem import sync_folder

_VERSION: Final = re.compile(r"\(PostgreSQL\) (\d+)")
_BEGIN_OF_TABLE: Final = re.compile(rf"COPY {SCHEMA}\.(\S+) \(".encode())
_END_OF_TABLE: Final = b"\\.\n"
_TABLES: Final = """
    SELECT relname FROM pg_class
    WHERE relkind = 'r' AND relnamespace = current_schema()::regnamespace ORDER BY relname
"""


class Dump(Struct, frozen=True):
    """A file that was made."""

    size: int
    rows: int


class _Programs(Struct, frozen=True):
    dump: str
    restore: str


def back_up_database(database: Database, address: str, target: Path) -> Dump:
    """Dumps the database at this address into a new file, as the connection's open transaction sees it.

    The file is then read as a restoration reads it, and must have as many rows of each table as the database.
    It appears complete or not at all. Raises BackupFailed and psycopg.Error.
    """
    if target.exists() or target.is_symlink():
        raise BackupFailed("{target} exists; name a file that does not exist yet", target=target)
    programs = _find_programs(database.info.server_version // 10_000)
    with _partial(target) as file:
        _dump(programs, database, address, file)
        expected = _count_rows(database)
        found = _read_back(programs, file)
        for table, rows in expected.items():
            if found.get(table) != rows:
                raise BackupFailed(
                    "{target} was not created: {table} has {rows} rows, but {found} were dumped",
                    target=target,
                    table=table,
                    rows=rows,
                    found=found.get(table, 0),
                )
        with file.open("rb") as written:
            os.fsync(written.fileno())
    return Dump(target.stat().st_size, sum(expected.values()))


@contextmanager
def _partial(target: Path) -> Iterator[Path]:
    """A file that becomes the target at the end of the block, and is removed if that fails."""
    partial = target.with_name(f"{target.name}.{uuid4().hex}.partial")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        partial.touch(mode=0o600, exist_ok=False)
        yield partial
        partial.rename(target)
        sync_folder(target.parent)
    except OSError as error:
        raise BackupFailed("{target} was not created: {error}", target=target, error=error) from None
    finally:
        partial.unlink(missing_ok=True)


def _find_programs(server: int) -> _Programs:
    """pg_dump and pg_restore, for a server of this version or an older one."""
    dump, restore = shutil.which("pg_dump"), shutil.which("pg_restore")
    if dump is None or restore is None:
        raise BackupFailed(
            "pg_dump and pg_restore are not on this machine's PATH: install PostgreSQL's client of version"
            " {server} or later (Debian: postgresql-client)",
            server=server,
        )
    version = int(found[1]) if (found := _VERSION.search(_run([dump, "--version"]))) else 0
    if version < server:
        raise BackupFailed(
            "{program} is of version {version}, and cannot dump a server of version {server}: install"
            " PostgreSQL's client of version {server} or later",
            program=dump,
            version=version,
            server=server,
        )
    return _Programs(dump, restore)


def _dump(programs: _Programs, database: Database, address: str, file: Path) -> None:
    row = database.execute("SELECT pg_export_snapshot()").fetchone()
    assert row is not None
    given = {"target_session_attrs": "read-write"} | conninfo_to_dict(without_password(address))
    password = conninfo_to_dict(address).get("password")
    _run(
        [
            programs.dump,
            "--format=custom",
            f"--snapshot={row[0]}",
            f"--file={file}",
            "--no-password",
            f"--dbname={make_conninfo('', **given)}",
        ],
        # Other users of a machine can read the arguments of its processes.
        {} if password is None else {"PGPASSWORD": str(password)},
    )


def _count_rows(database: Database) -> dict[str, int]:
    counts = {}
    for (table,) in database.execute(_TABLES).fetchall():
        row = database.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))).fetchone()
        assert row is not None
        counts[table] = row[0]
    return counts


def _read_back(programs: _Programs, file: Path) -> dict[str, int]:
    """How many rows of each table a restoration would write."""
    command = [programs.restore, "--data-only", "--file=-", str(file)]
    with TemporaryFile() as problems:
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=problems) as reading:
            assert reading.stdout is not None
            counts = _count_lines(reading.stdout)
        if reading.returncode:
            problems.seek(0)
            raise _failure(command, problems.read())
    return counts


def _count_lines(lines: Iterable[bytes]) -> dict[str, int]:
    """How many lines there are between the beginning of each table and its end."""
    counts: dict[str, int] = {}
    table: str | None = None
    for line in lines:
        if table is None:
            if (begun := _BEGIN_OF_TABLE.match(line)) is not None:
                table = begun[1].decode()
                counts[table] = 0
        elif line == _END_OF_TABLE:
            table = None
        else:
            counts[table] += 1
    return counts


def _run(command: list[str], environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        command, env={**os.environ, **(environment or {})}, capture_output=True, check=False
    )
    if done.returncode:
        raise _failure(command, done.stderr)
    return done.stdout.decode()


def _failure(command: list[str], problem: bytes) -> BackupFailed:
    return BackupFailed(
        "{program} failed: {problem}",
        program=Path(command[0]).name,
        problem=problem.decode(errors="replace").strip(),
    )
