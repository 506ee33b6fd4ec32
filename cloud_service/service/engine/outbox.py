"""The outbox: events that the broker has not acknowledged yet. None is forgotten before it has."""

from collections import deque
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec import Struct

from cloud_service.core.changes import Event
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message
from cloud_service.protocol.roles import is_account_name
from cloud_service.service.engine.caller import Caller


class OutgoingEvent(Struct, frozen=True):
    """A message about an event. The outbox wants `receipt` back when the broker has acknowledged it."""

    message: Message
    receipt: Any


def recipients(event: Event) -> list[str]:
    """The vehicle's account and the station's owner, each once. Gateways get none: nobody would read them."""
    names = [event.owner]
    if not event.reservation.legacy:
        names.append(str(event.reservation.vehicle_id))
    return [name for name in dict.fromkeys(names) if is_account_name(name) and not Caller(name).is_gateway]


def messages(event: Event) -> list[Message]:
    """The event as a message to each of its recipients."""
    body = msgspec.json.encode(
        {
            "type": event.type,
            "at": event.at.isoformat(),
            "reason": event.reason,
            "reservation": event.reservation.public(),
        }
    )
    return [Message(topics.event(name, event.type), body) for name in recipients(event)]


class _BatchEvents(Struct):
    """The events of a batch, some of whose messages are pending."""

    sequence: int
    events: tuple[Event, ...]
    pending: int
    """Messages that the broker has not acknowledged."""


class Outbox:
    """Which events are pending, and which are delivered.

    The broker has acknowledged the events of all batches up to the number `delivered`. The journal keeps this
    number; after a crash, the events of later batches are sent again.
    """

    def __init__(self, delivered: int = 0) -> None:
        self.delivered = delivered
        self._batches: deque[_BatchEvents] = deque()

    def __len__(self) -> int:
        """How many batches have events that may be pending."""
        return len(self._batches)

    def add(self, sequence: int, events: Iterable[Event]) -> list[OutgoingEvent]:
        """Adds the events of a batch, and returns their messages."""
        batch = _BatchEvents(sequence, tuple(events), 0)
        outgoing = [OutgoingEvent(message, batch) for event in batch.events for message in messages(event)]
        batch.pending = len(outgoing)
        self._batches.append(batch)
        self._advance()
        return outgoing

    def acknowledged(self, receipt: Any) -> None:
        """Notes that the broker has acknowledged the message with this receipt."""
        batch: _BatchEvents = receipt
        batch.pending -= 1
        self._advance()

    def pending_events(self) -> list[tuple[int, Event]]:
        """The events that may be pending, each with the number of its batch."""
        return [(batch.sequence, event) for batch in self._batches for event in batch.events]

    def _advance(self) -> None:
        while self._batches and not self._batches[0].pending:
            self.delivered = self._batches.popleft().sequence
