"""Who uses the database: any number of services, or one command that copies the whole network.

An advisory lock keeps them apart. Services share it for as long as they are connected.
"""

from typing import Final

from psycopg.rows import scalar_row

from cloud_service.database.connection import Database
from cloud_service.language.text import TextError
from cloud_service.store.errors import WriteFailed

_LOCK: Final = 0x7573_6573


class InUse(TextError):
    """Somebody else uses the database."""


def use_with_others(database: Database) -> None:
    """Notes that a service uses the database, until the connection ends.

    Raises WriteFailed while the network is being copied, and if only a part of one has arrived.
    """
    if not _ask(database, "SELECT pg_try_advisory_lock_shared(%s)"):
        raise WriteFailed("`recharge migrate` is copying the network: start the service when it has ended")
    source = half_copied_from(database)
    if source is not None:
        raise WriteFailed(
            "the copy of {source} to this database was broken off, and records are missing: run the same"
            " `recharge migrate` again",
            source=source,
        )


def use_alone(database: Database) -> None:
    """Keeps services away, until the connection ends. Raises InUse if one is there."""
    if not _ask(database, "SELECT pg_try_advisory_lock(%s)"):
        raise InUse("the database is in use by a cloud service, or by another copy; stop all of them first")


def half_copied_from(database: Database) -> str | None:
    """From where a network was being copied here that is not here yet; None if there is no such thing."""
    with database.cursor(row_factory=scalar_row) as cursor:
        cursor.execute("SELECT half_copied_from FROM network")
        source = cursor.fetchone()
    return None if source is None else str(source)


def _ask(database: Database, statement: str) -> bool:
    with database.cursor(row_factory=scalar_row) as cursor:
        cursor.execute(statement.encode(), [_LOCK])
        return bool(cursor.fetchone())
