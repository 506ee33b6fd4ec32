"""The contents of a network, wherever it is kept, without its history, which may be large."""

from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from hashlib import blake2b
from typing import Final, TypeAlias

from msgspec import Struct, field

from cloud_service.core.changes import Event
from cloud_service.core.records import ReservationKey
from cloud_service.core.tables import Tables
from cloud_service.store.ended import decode_ended
from cloud_service.store.journal import RequestRecord
from cloud_service.store.network_clock import NetworkClock

Advance: TypeAlias = Callable[[int], None]
"""Is told how many more records were copied or compared."""
STEP: Final = 1_000
"""How many records are copied before a progress bar moves on."""
_DIGEST_BYTES: Final = 8


class Contents(Struct, frozen=True):
    """A network. Requests are in the order in which they were answered, the last of each ID."""

    tables: Tables = field(default_factory=Tables)
    requests: list[tuple[datetime, RequestRecord]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    """Events that the brokers may not have yet, in order."""
    clock: NetworkClock | None = None
    """Only in a network where time passes faster."""

    def __len__(self) -> int:
        """How many records there are."""
        tables = self.tables
        kept = (tables.stations, tables.points, tables.reservations, tables.sessions, tables.absences)
        return sum(len(each) for each in (*kept, self.requests, self.events))


class Line(Struct, frozen=True):
    """A reservation that ended, as the history has it."""

    at: datetime
    key: ReservationKey
    text: bytes

    @classmethod
    def of(cls, text: bytes) -> "Line":
        """Raises msgspec.MsgspecError if the text is not a line of the history."""
        ended = decode_ended(text)
        return cls(ended.at, ended.reservation.key, text)


class Tally:
    """How many lines there were, and a sum over them that does not depend on their order."""

    def __init__(self) -> None:
        self.count = 0
        self._sum = 0

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Tally) and (self.count, self._sum) == (other.count, other._sum)

    __hash__ = None  # type: ignore[assignment]

    def counting(self, lines: Iterable[Line], advance: Advance) -> Iterator[Line]:
        """The same lines, counted."""
        for line in lines:
            self.count += 1
            self._sum += int.from_bytes(blake2b(line.text.rstrip(), digest_size=_DIGEST_BYTES).digest())
            if self.count % STEP == 0:
                advance(STEP)
            yield line
        advance(self.count % STEP)


def latest_of_each(
    requests: Iterable[tuple[datetime, RequestRecord]],
) -> list[tuple[datetime, RequestRecord]]:
    """If an ID was forgotten and used again, only its last request counts."""
    found = {(record.client, record.identity): (at, record) for at, record in requests}
    return sorted(found.values(), key=lambda each: (each[0], each[1].client, each[1].identity))
