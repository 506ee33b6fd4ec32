"""Looks over a store's shoulder, and knows at each moment what a folder may hold when it is read again."""

import json
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import lru_cache
from typing import TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from cloud_service.core.changes import ENDING, Changes, Event
from cloud_service.core.records import ReservationKey, State
from cloud_service.core.tables import Tables
from cloud_service.service.engine.answers import Answer
from cloud_service.store.checkpoint import read_checkpoint
from cloud_service.store.errors import WriteFailed
from cloud_service.store.file_store import FileStore, StoreOptions
from cloud_service.store.filesystem import Folder
from cloud_service.store.interface import CheckpointInput, Recovered
from cloud_service.store.journal import RequestRecord, decode_line
from cloud_service.store.recovery import read_segments
from tests.kit.simulated_disk import Note, Operation, SimulatedFolder

Answered: TypeAlias = tuple[str, str, str]
"""A client, the identity of its request, and the reply but for its request ID."""

NOT_REMEMBERED = ("BUSY", "STORAGE", "INTERNAL", "ID_REUSED")
"""How a request is refused when nothing must be kept of it."""


class Knowledge(Struct, frozen=True):
    """What a store holds after a batch."""

    sequence: int = 0
    tables: Tables = field(default_factory=Tables)
    remembered: frozenset[Answered] = frozenset()
    pending_events: tuple[tuple[int, Event], ...] = ()
    """Events that the store may not lose."""
    ended: tuple[tuple[int, ReservationKey, State], ...] = ()
    """Reservations that ended, with the numbers of their batches and their last states."""


class Possible(Struct, frozen=True):
    """Either of these may be found: what is certain, and with the batch that is on its way.

    Whichever it is, it has what was answered.
    """

    certain: Knowledge
    attempted: Knowledge | None = None
    answered: frozenset[Answered] = frozenset()


class Witness:
    """A Store that hands everything on to a FileStore, and notes in the folder's log what that promises."""

    def __init__(self, folder: SimulatedFolder, options: StoreOptions) -> None:
        self.store = FileStore(folder, options)
        self.certain = Knowledge()
        self.answered: frozenset[Answered] = frozenset()
        self.failed_writes = 0
        self._attempted: Knowledge | None = None
        self._folder = folder

    @property
    def sequence(self) -> int:
        return self.store.sequence

    def load(self, now: datetime) -> Recovered:
        recovered = self.store.load(now)
        found = knowledge(self._folder, self.store.sequence, recovered)
        check(found, Possible(self.certain, self._attempted, self.answered))
        self._note(found, None)
        return recovered

    def append(
        self, changes: Sequence[Changes], remembered: Sequence[RequestRecord], delivered: int, now: datetime
    ) -> int:
        attempted = self._with(changes, remembered, delivered)
        self._note(self.certain, attempted)
        try:
            sequence = self.store.append(changes, remembered, delivered, now)
        except WriteFailed:
            self.failed_writes += 1
            self._note(self.certain, None)
            raise
        self._note(attempted, None)
        return sequence

    def maintain(self, checkpoint_input: CheckpointInput, now: datetime) -> None:
        self._note_delivered(checkpoint_input)
        self.store.maintain(checkpoint_input, now)

    def close(self, checkpoint_input: CheckpointInput, now: datetime) -> None:
        self._note_delivered(checkpoint_input)
        self.store.close(checkpoint_input, now)

    def hear(self, answers: Iterable[Answer]) -> None:
        """What has been answered by now, and has to hold."""
        self.answered |= frozenset(filter(None, map(answered, answers)))
        self._note(self.certain, self._attempted)

    def _note_delivered(self, checkpoint_input: CheckpointInput) -> None:
        """A checkpoint may know of more delivered events than the last batch does."""
        still = tuple(row for row in self.certain.pending_events if row[0] > checkpoint_input.delivered)
        self._note(replace(self.certain, pending_events=still), self._attempted)

    def _with(
        self, changes: Sequence[Changes], remembered: Sequence[RequestRecord], delivered: int
    ) -> Knowledge:
        before = self.certain
        sequence = before.sequence + 1
        tables = before.tables.snapshot()
        pending_events = list(before.pending_events)
        ended = list(before.ended)
        for change in changes:
            tables.apply(change)
            pending_events += [(sequence, event) for event in change.events]
            ended += [
                (sequence, event.reservation.key, event.reservation.state)
                for event in change.events
                if event.type in ENDING
            ]
        return Knowledge(
            sequence,
            tables,
            before.remembered | {(row.client, row.identity, row.body) for row in remembered},
            tuple(row for row in pending_events if row[0] > delivered),
            tuple(sorted(ended)),
        )

    def _note(self, certain: Knowledge, attempted: Knowledge | None) -> None:
        self.certain, self._attempted = certain, attempted
        self._folder.note(Possible(certain, attempted, self.answered))


def answered(answer: Answer) -> Answered | None:
    """What must be kept of a reply: nothing for reads, for readings of meters or for retryable refusals."""
    if answer.incoming is None or answer.reply is None or answer.outcome in NOT_REMEMBERED:
        return None
    incoming = answer.incoming
    if not incoming.action.is_remembered or incoming.identity is None:
        return None
    head = b'{"requestID":%s,' % json.dumps(incoming.envelope.request_id).encode()
    assert answer.reply.payload.startswith(head)
    body = answer.reply.payload[len(head) : -1].decode()
    return incoming.client, incoming.identity, body


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
    return knowledge(folder, store.sequence, recovered)


def knowledge(folder: Folder, sequence: int, recovered: Recovered) -> Knowledge:
    rows = (memory.request for memory in recovered.remembered)
    return Knowledge(
        sequence,
        recovered.tables.snapshot(),
        frozenset((row.client, row.identity, row.body) for row in rows),
        tuple(recovered.pending_events),
        tuple(sorted(_ended(folder))),
    )


def _ended(folder: Folder) -> Iterator[tuple[int, ReservationKey, State]]:
    """What stands in the history as far as it counts, and what the next checkpoint will add to it."""
    checkpoint = read_checkpoint(folder)
    for name in checkpoint.sizes.keys() & set(folder.names()):
        yield from _of_history(folder.read(name)[: checkpoint.sizes[name]])
    for _, _, reader in read_segments(folder, checkpoint):
        yield from _of_segment(reader.data)


@lru_cache
def _of_history(text: bytes) -> list[tuple[int, ReservationKey, State]]:
    rows = ((row["sequence"], row["reservation"]) for row in map(json.loads, text.splitlines()))
    return [
        (sequence, (row["chargingStationID"], row["chargingPointID"], row["reservationID"]), row["state"])
        for sequence, row in rows
    ]


@lru_cache
def _of_segment(text: bytes) -> list[tuple[int, ReservationKey, State]]:
    lines = filter(None, map(decode_line, text.splitlines(keepends=True)))
    return [
        (batch.sequence, event.reservation.key, event.reservation.state)
        for batch, _ in lines
        for changes in batch.changes
        for event in changes.events
        if event.type in ENDING
    ]


def check(found: Knowledge, possible: Possible) -> None:
    """Raises AssertionError unless exactly what was promised was found.

    With or without the batch that was being written, but never with a part of it.
    """
    expected = possible.certain
    if possible.attempted is not None and found.sequence == possible.attempted.sequence:
        expected = possible.attempted
    assert found.sequence == expected.sequence, f"batch {found.sequence} instead of {expected.sequence}"
    assert found.tables == expected.tables, difference(found.tables, expected.tables)
    missing = expected.remembered ^ found.remembered
    assert not missing, f"remembered differs by {missing}"
    unkept = possible.answered - found.remembered
    assert not unkept, f"answered, and not kept: {unkept}"
    assert found.ended == expected.ended, f"ended: found {found.ended}, expected {expected.ended}"
    lost = set(expected.pending_events) - set(found.pending_events)
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
