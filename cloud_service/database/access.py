"""Who uses the database: any number of services, or one command that copies or changes all of it.

An advisory lock keeps them apart. Services share the lock for as long as they are connected. Each also holds
a lock of its own, which shows the others that it is alive.
"""

from typing import Final
from uuid import UUID

from psycopg.rows import scalar_row

from cloud_service.database.connection import Database
from cloud_service.language.text import TextError
from cloud_service.store.errors import WriteFailed

_LOCK: Final = 0x7573_6573
_INSTANCES: Final = 0x6C69_7665
"""The first key of the locks of services; the second is made of their IDs."""


class InUse(TextError):
    """Somebody else uses the database."""


def use_with_others(database: Database) -> None:
    """Notes that a service uses the database, until the connection ends.

    Raises WriteFailed while a network is being copied, and if a copy is incomplete.
    """
    if not _ask(database, "SELECT pg_try_advisory_lock_shared(%s)", _LOCK):
        raise WriteFailed(
            "`recharge migrate` or `forget` is working on the network: start the service when it has finished"
        )
    source = half_copied_from(database)
    if source is not None:
        raise WriteFailed(
            "the copy of {source} to this database was broken off, and records are missing: run the same"
            " `recharge migrate` again",
            source=source,
        )


def use_alone(database: Database) -> None:
    """Keeps services away until the connection ends. Raises InUse if one is connected."""
    if not _ask(database, "SELECT pg_try_advisory_lock(%s)", _LOCK):
        raise InUse(
            "the database is in use by a cloud service, or by another command; stop all of them first"
        )


def half_copied_from(database: Database) -> str | None:
    """The source of an unfinished copy into this database; None if there is none."""
    with database.cursor(row_factory=scalar_row) as cursor:
        cursor.execute("SELECT half_copied_from FROM network")
        source = cursor.fetchone()
    return None if source is None else str(source)


def begin_life(database: Database, instance: UUID) -> None:
    """Shows the others that this service is alive, until the connection ends."""
    database.execute("SELECT pg_advisory_lock(%s, %s)", [_INSTANCES, _lock_of(instance)])
    database.execute("INSERT INTO instances (instance) VALUES (%s)", [instance])


def is_dead(database: Database, instance: UUID) -> bool:
    """Whether a service has ended. If so, it cannot come back before the transaction ends."""
    statement = "SELECT pg_try_advisory_xact_lock(%s, %s)"
    return _ask(database, statement, _INSTANCES, _lock_of(instance))


def any_lives(database: Database) -> bool:
    """Whether any service is alive. If not, no known one comes back before the transaction ends."""
    known = database.execute("SELECT instance FROM instances").fetchall()
    return not all(is_dead(database, instance) for (instance,) in known)


def _lock_of(instance: UUID) -> int:
    return int.from_bytes(instance.bytes[:4], "big", signed=True)


def _ask(database: Database, statement: str, *keys: int) -> bool:
    with database.cursor(row_factory=scalar_row) as cursor:
        cursor.execute(statement.encode(), keys)
        return bool(cursor.fetchone())
