"""Brings the schema of a database to this version's, before anybody uses it."""

import logging

from cloud_service.database.connection import Database, connect
from cloud_service.database.migrations import describe, migrate, require_schema

log = logging.getLogger(__name__)


def prepare_schema(address: str, owner_address: str | None) -> None:
    """Applies what is missing: with the login that owns the schema if its address is given, otherwise with
    the service's own login if that owns the schema. Raises WrongSchema if it cannot be done, and
    psycopg.Error.
    """
    owner = owner_address or address
    with connect(owner, name="recharge migrations", answer_seconds=None) as database:
        if owner_address is not None or _owns_schema(database):
            applied = migrate(database)
            if applied:
                log.info("%s", describe(applied))
    with connect(address) as database:
        require_schema(database)


def _owns_schema(database: Database) -> bool:
    row = database.execute(
        "SELECT pg_has_role(current_user, datdba, 'USAGE')"
        " FROM pg_database WHERE datname = current_database()"
    ).fetchone()
    return bool(row and row[0])
