"""The schema of the database: numbered SQL files, each applied once and in order, under a lock.

Plain SQL files instead of alembic: there is no model from which it could derive anything, and those who run
the database can read what will be done to it (docs/decisions/0020-plain-sql-migrations.md).
"""

import re
from importlib.resources import files
from typing import Final

import psycopg
from msgspec import Struct
from psycopg import sql
from psycopg.rows import scalar_row

from cloud_service.language.text import Text
from cloud_service.store.errors import StoreError

SCHEMA: Final = "recharge"
SERVICE_ROLE: Final = "recharge_service"
"""The role that may use the tables. The login of a service is a member of it, and owns nothing."""
_LOCK: Final = 0x7265_6368
"""The key of the advisory lock under which migrations are applied."""
_NAMES: Final = re.compile(r"(\d{4})_\w+\.sql")


class WrongSchema(StoreError):
    """The database is not one that this version of the service can work on."""


class Migration(Struct, frozen=True):
    """A file of the schema."""

    version: int
    name: str
    text: str


def all_migrations() -> list[Migration]:
    """The files of the schema, in order."""
    folder = files("cloud_service.database") / "schema"
    named = ((entry, _NAMES.fullmatch(entry.name)) for entry in folder.iterdir())
    found = [Migration(int(match[1]), entry.name, entry.read_text()) for entry, match in named if match]
    return sorted(found, key=lambda migration: migration.version)


def migrate(connection: psycopg.Connection) -> list[str]:
    """Applies what the database lacks, and returns the names of those files.

    The connection's user has to own the schema, or be allowed to create it. Raises WrongSchema if the schema
    is newer than this version of the service, and psycopg.Error if the database refuses.
    """
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        # A change that has to wait for a table would hold up everyone who uses the table meanwhile.
        connection.execute("SET LOCAL lock_timeout = '4s'")
        connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA)))
        connection.execute(sql.SQL("SET LOCAL search_path = {}, public").format(sql.Identifier(SCHEMA)))
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations"
            " (version int PRIMARY KEY, name text NOT NULL, applied timestamptz NOT NULL DEFAULT now())"
        )
        present = _version(connection)
        missing = [each for each in all_migrations() if each.version > present]
        _refuse_newer(present)
        for migration in missing:
            connection.execute(migration.text.encode())
            connection.execute(
                "INSERT INTO migrations (version, name) VALUES (%s, %s)", [migration.version, migration.name]
            )
        if missing:
            _grant(connection)
    return [migration.name for migration in missing]


def require_schema(connection: psycopg.Connection) -> None:
    """Raises WrongSchema unless the database has the schema of this version."""
    known = connection.execute("SELECT to_regclass(%s) IS NOT NULL", [f"{SCHEMA}.migrations"]).fetchone()
    present = _version(connection) if known and known[0] else 0
    _refuse_newer(present)
    if present < all_migrations()[-1].version:
        raise WrongSchema(
            "the schema of the database is at version {present}, and this version of the service needs"
            " {needed}: start one service with RECHARGE_STATE_OWNER, the login that owns the schema",
            present=present,
            needed=all_migrations()[-1].version,
        )


def _version(connection: psycopg.Connection) -> int:
    with connection.cursor(row_factory=scalar_row) as cursor:
        cursor.execute(
            sql.SQL("SELECT coalesce(max(version), 0) FROM {}.migrations").format(sql.Identifier(SCHEMA))
        )
        version = cursor.fetchone()
    assert isinstance(version, int)
    return version


def _refuse_newer(present: int) -> None:
    newest = all_migrations()[-1].version
    if present > newest:
        raise WrongSchema(
            "the schema of the database is at version {present}, and this version of the service knows"
            " {newest}: a newer service has upgraded it; start that version",
            present=present,
            newest=newest,
        )


def _grant(connection: psycopg.Connection) -> None:
    """Gives the services' role the rights to read and change rows, and nothing else."""
    role, schema = sql.Identifier(SERVICE_ROLE), sql.Identifier(SCHEMA)
    exists = connection.execute("SELECT FROM pg_roles WHERE rolname = %s", [SERVICE_ROLE]).fetchone()
    if exists is None:
        connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(role))
    for grant in (
        "GRANT USAGE ON SCHEMA {schema} TO {role}",
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {role}",
        "REVOKE INSERT, UPDATE, DELETE ON {schema}.migrations FROM {role}",
        "REVOKE INSERT, DELETE ON {schema}.network FROM {role}",
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {role}",
        "REVOKE EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} FROM PUBLIC",
        "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA {schema} TO {role}",
    ):
        connection.execute(sql.SQL(grant).format(schema=schema, role=role))


def describe(names: list[str]) -> Text:
    """What an operator is told about migrations that were applied."""
    return Text("the schema of the database was upgraded: {names}", names=", ".join(names))
