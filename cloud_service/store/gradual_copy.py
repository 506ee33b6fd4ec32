"""A copy of the network's tables that is made a table at a time, while they change."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from typing import Final

from cloud_service.core.changes import Changes
from cloud_service.core.tables import Tables
from cloud_service.store.beside_requests import beside_requests

MOST_AT_ONCE: Final = 100_000
"""Records that a step copies, in some 3 ms. Only a table that has more takes longer."""


class GradualCopy:
    """Made in steps between batches. It notes the changes of these batches.

    Each table is then of another batch. To make all noted changes once more brings every one of them to the
    last batch: they hold records as they are afterwards, so what a table already has does no harm.
    """

    def __init__(self, tables: Tables) -> None:
        """Copies nothing yet. To be closed by its user."""
        self._tables = tables
        self._copy = Tables()
        self._noted: list[Changes] = []
        self._pauses = self._copy_tables()
        self._until_closed = ExitStack()
        self._until_closed.enter_context(beside_requests())

    def step(self) -> bool:
        """Copies a part. Returns whether everything is copied."""
        return next(self._pauses, None) is None

    def note(self, changes: Iterable[Changes]) -> None:
        """Notes the changes of a batch, which the tables have now."""
        self._noted += changes

    def finished(self) -> Tables:
        """All tables as of the batch that was noted last."""
        for changes in self._noted:
            self._copy.apply(changes)
        return self._copy

    def close(self) -> None:
        self._until_closed.close()

    def _copy_tables(self) -> Iterator[int]:
        """Pauses wherever a step has copied enough, and says how many records it were."""
        copied = 0
        for name in ("stations", "points", "reservations", "sessions", "absences"):
            table = getattr(self._tables, name)
            if copied and copied + len(table) > MOST_AT_ONCE:
                yield copied
                copied = 0
            setattr(self._copy, name, table.copy())
            copied += len(table)
        if copied > MOST_AT_ONCE:
            yield copied
        self._copy.last_station_id = self._tables.last_station_id
