"""Looks over a store's shoulder, and knows at each moment what a folder may hold when it is read again."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct, field
from msgspec.structs import replace

from cloud_service.core.changes import Changes, Event
from cloud_service.core.network import Tables
from cloud_service.store.errors import WriteFailed
from cloud_service.store.file_store import FileStore, StoreOptions
from cloud_service.store.filesystem import Folder
from cloud_service.store.interface import Recovered, Standing
from cloud_service.store.journal import Remembered
from tests.faults.power_loss import Note, Operation, SimulatedFolder


class Knowledge(Struct, frozen=True):
    """What a store holds after a batch."""

    sequence: int = 0
    tables: Tables = field(default_factory=Tables)
    remembered: frozenset[tuple[str, str, str]] = frozenset()
    """Client, identity and reply."""
    untold: tuple[tuple[int, Event], ...] = ()
    """Events that the store may not lose."""


class Possible(Struct, frozen=True):
    """Either of these may be found: what is certain, and with the batch that is on its way."""

    certain: Knowledge
    attempted: Knowledge | None = None


class Witness:
    """A Store that hands everything on to a FileStore, and notes in the folder's log what that promises."""

    def __init__(self, folder: SimulatedFolder, options: StoreOptions) -> None:
        self.store = FileStore(folder, options)
        self.certain = Knowledge()
        self._attempted: Knowledge | None = None
        self._folder = folder

    @property
    def sequence(self) -> int:
        return self.store.sequence

    def load(self, now: datetime) -> Recovered:
        recovered = self.store.load(now)
        found = knowledge(self.store.sequence, recovered)
        check(found, Possible(self.certain, self._attempted))
        self._note(found, None)
        return recovered

    def append(
        self, changes: Sequence[Changes], remembered: Sequence[Remembered], told: int, now: datetime
    ) -> int:
        attempted = self._with(changes, remembered, told)
        self._note(self.certain, attempted)
        try:
            sequence = self.store.append(changes, remembered, told, now)
        except WriteFailed:
            self._note(self.certain, None)
            raise
        self._note(attempted, None)
        return sequence

    def maintain(self, standing: Standing, now: datetime) -> None:
        self._hear(standing)
        self.store.maintain(standing, now)

    def close(self, standing: Standing, now: datetime) -> None:
        self._hear(standing)
        self.store.close(standing, now)

    def _hear(self, standing: Standing) -> None:
        """A checkpoint may tell more than the last batch which events have reached the broker."""
        still = tuple(row for row in self.certain.untold if row[0] > standing.told)
        self._note(replace(self.certain, untold=still), self._attempted)

    def _with(self, changes: Sequence[Changes], remembered: Sequence[Remembered], told: int) -> Knowledge:
        before = self.certain
        sequence = before.sequence + 1
        tables = before.tables.snapshot()
        untold = list(before.untold)
        for change in changes:
            tables.apply(change)
            untold += [(sequence, event) for event in change.events]
        return Knowledge(
            sequence,
            tables,
            before.remembered | {(row.client, row.identity, row.body) for row in remembered},
            tuple(row for row in untold if row[0] > told),
        )

    def _note(self, certain: Knowledge, attempted: Knowledge | None) -> None:
        self.certain, self._attempted = certain, attempted
        self._folder.note(Possible(certain, attempted))


def possible_at(log: Sequence[Operation], done: int) -> Possible:
    """What may be found after these many operations of a log."""
    for operation in reversed(log[:done]):
        if isinstance(operation, Note) and isinstance(operation.what, Possible):
            return operation.what
    return Possible(Knowledge())


def read(folder: Folder, now: datetime) -> Knowledge:
    """What a new process finds in a folder."""
    store = FileStore(folder, StoreOptions())
    recovered = store.load(now)
    return knowledge(store.sequence, recovered)


def knowledge(sequence: int, recovered: Recovered) -> Knowledge:
    rows = (memory.request for memory in recovered.remembered)
    return Knowledge(
        sequence,
        recovered.tables.snapshot(),
        frozenset((row.client, row.identity, row.body) for row in rows),
        tuple(recovered.untold),
    )


def check(found: Knowledge, possible: Possible) -> None:
    """AssertionError where what was found is not what was promised, wholly or not at all."""
    expected = possible.certain
    if possible.attempted is not None and found.sequence == possible.attempted.sequence:
        expected = possible.attempted
    assert found.sequence == expected.sequence, f"batch {found.sequence} instead of {expected.sequence}"
    assert found.tables == expected.tables, difference(found.tables, expected.tables)
    missing = expected.remembered ^ found.remembered
    assert not missing, f"remembered differs by {missing}"
    lost = set(expected.untold) - set(found.untold)
    assert not lost, f"events are lost: {lost}"


def difference(found: Tables, expected: Tables) -> str:
    """What is not as expected, a line each."""
    lines = [f"last station ID: found {found.last_station_id}, expected {expected.last_station_id}"]
    for name in ("stations", "points", "reservations"):
        has, should = getattr(found, name), getattr(expected, name)
        lines += [
            f"{name} {key}: found {has.get(key)}, expected {should.get(key)}"
            for key in sorted(has.keys() | should.keys())
            if has.get(key) != should.get(key)
        ]
    return "\n".join(lines)
