"""The whole database as it is at one moment, read while services use it."""

from collections.abc import Iterator
from contextlib import contextmanager

from cloud_service.database.connection import Database, connect


@contextmanager
def database_snapshot(address: str, name: str) -> Iterator[Database]:
    """A connection that only reads, and that sees until the end of the block what was committed at its start.

    It may take as long as it needs. `name` is what the database calls the connection. Raises psycopg.Error.
    """
    with connect(address, name=name, answer_seconds=None) as database:
        database.execute("SET idle_in_transaction_session_timeout = 0")
        database.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        yield database
        database.execute("COMMIT")
