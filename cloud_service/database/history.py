"""Reservations that ended, as the database has them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final

from cloud_service.database.connection import Database
from cloud_service.store.ended import Ended, decode_ended

_ROWS_AT_ONCE: Final = 5_000


def read_ended_since(database: Database, since: datetime) -> Iterator[Ended]:
    """All that ended at this moment or later, read in pieces in the open transaction."""
    with database.cursor("ended") as cursor:
        cursor.itersize = _ROWS_AT_ONCE
        cursor.execute("SELECT record FROM history WHERE at >= %s", [since])
        for (record,) in cursor:
            yield decode_ended(record)
