"""Events on their way to those whom they concern. None is forgotten before the broker has taken it."""

from collections import deque
from collections.abc import Iterable

import msgspec
from msgspec import Struct

from cloud_service.core.changes import Event
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message
from cloud_service.protocol.roles import is_account_name
from cloud_service.service.engine.caller import Caller


def recipients(event: Event) -> list[str]:
    """The vehicle's account and the station's owner, each once. Nobody would read those of legacy clients."""
    names = [event.owner]
    if not event.reservation.legacy:
        names.append(str(event.reservation.vehicle_id))
    return [name for name in dict.fromkeys(names) if is_account_name(name) and not Caller(name).is_gateway]


def messages(event: Event) -> list[Message]:
    body = msgspec.json.encode(
        {
            "type": event.type,
            "at": event.at.isoformat(),
            "reason": event.reason,
            "reservation": event.reservation.public(),
        }
    )
    return [Message(topics.event(name, event.type), body) for name in recipients(event)]


class _Batch(Struct):
    sequence: int
    events: tuple[Event, ...]
    open: int
    """Messages that the broker has not taken yet."""


class Outbox:
    """Which events the broker has taken.

    `told` is the batch up to which it has taken all. It goes into the journal; after a crash the events of
    later batches are sent again.
    """

    def __init__(self, delivered: int = 0) -> None:
        self.delivered = delivered
        self._batches: deque[_Batch] = deque()

    def add(self, sequence: int, events: Iterable[Event]) -> list[tuple[_Batch, Message]]:
        """Notes a batch's events, and returns their messages, each with what `taken` wants back."""
        batch = _Batch(sequence, tuple(events), 0)
        outgoing = [(batch, message) for event in batch.events for message in messages(event)]
        batch.open = len(outgoing)
        self._batches.append(batch)
        self._advance()
        return outgoing

    def taken(self, batch: _Batch) -> None:
        """The broker has taken one of this batch's messages."""
        batch.open -= 1
        self._advance()

    def pending_events(self) -> list[tuple[int, Event]]:
        return [(batch.sequence, event) for batch in self._batches for event in batch.events]

    def _advance(self) -> None:
        while self._batches and not self._batches[0].open:
            self.delivered = self._batches.popleft().sequence
