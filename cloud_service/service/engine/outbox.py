"""The outbox: events that the broker has not acknowledged yet. None is forgotten before it has."""

from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from msgspec import Struct

from cloud_service.core.changes import Event
from cloud_service.core.records import iso_text
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message
from cloud_service.protocol.roles import is_account_name, is_gateway

_encode = msgspec.json.Encoder().encode


class OutgoingEvent(Struct, frozen=True):
    """A message about an event. The outbox wants `receipt` back when the broker has acknowledged it."""

    message: Message
    receipt: Any


def recipients(event: Event) -> list[str]:
    """The vehicle's account and the owners of the stations concerned, each once.

    Gateways get none: nobody would read them.
    """
    names = [event.owner]
    if event.owner_before is not None:
        names.append(event.owner_before)
    if not event.reservation.legacy:
        names.append(str(event.reservation.vehicle_id))
    return [name for name in dict.fromkeys(names) if is_account_name(name) and not is_gateway(name)]


def messages(event: Event) -> list[Message]:
    """The event as a message to each of its recipients."""
    body: dict[str, object] = {
        "type": event.type,
        "at": iso_text(event.at),
        "reason": event.reason,
        "reservation": event.reservation.described(),
    }
    if event.before is not None:
        body["before"] = event.before.described()
    payload = _encode(body)
    return [Message(topics.event(name, event.type), payload) for name in recipients(event)]


class _BatchEvents(Struct):
    """The events of a batch, some of which are pending."""

    sequence: int
    events: tuple[Event, ...]
    taken: int = 0
    """Events whose messages were made; those after them wait."""
    unacknowledged: int = 0
    """Messages of the events that were taken, which the broker has not acknowledged."""

    @property
    def waits(self) -> int:
        """Events that were not taken yet."""
        return len(self.events) - self.taken

    @property
    def delivered(self) -> bool:
        return not self.waits and not self.unacknowledged

    def take(self, count: int) -> list[OutgoingEvent]:
        """The messages of the next events."""
        events = self.events[self.taken : self.taken + count]
        outgoing = [OutgoingEvent(message, self) for event in events for message in messages(event)]
        self.taken += len(events)
        self.unacknowledged += len(outgoing)
        return outgoing


class Outbox:
    """Which events are pending, and which are delivered.

    Events wait until they are taken, in their order; only then are their messages made. One decision may make
    a hundred thousand events, and a message takes longer to make than an event.

    The broker has acknowledged the events of all batches up to the number `delivered`. The journal keeps this
    number; after a crash, the events of later batches are sent again.
    """

    def __init__(self, delivered: int = 0) -> None:
        self.delivered = delivered
        self.waiting = 0
        """How many events were not taken yet."""
        self._batches: deque[_BatchEvents] = deque()
        self._waiting: deque[_BatchEvents] = deque()

    def __len__(self) -> int:
        """How many batches have events that may be pending."""
        return len(self._batches)

    def add(self, sequence: int, events: Iterable[Event]) -> None:
        """Adds the events of a batch."""
        batch = _BatchEvents(sequence, tuple(events))
        self._batches.append(batch)
        if batch.waits:
            self._waiting.append(batch)
            self.waiting += batch.waits
        self._advance()

    def take(self, most: int) -> list[OutgoingEvent]:
        """Takes at most this many of the events that wait, and returns their messages."""
        outgoing: list[OutgoingEvent] = []
        while most > 0 and self._waiting:
            batch = self._waiting[0]
            count = min(most, batch.waits)
            outgoing += batch.take(count)
            self.waiting -= count
            most -= count
            if not batch.waits:
                self._waiting.popleft()
        self._advance()
        return outgoing

    def acknowledged(self, receipt: Any) -> None:
        """Notes that the broker has acknowledged the message with this receipt."""
        batch: _BatchEvents = receipt
        batch.unacknowledged -= 1
        if not batch.unacknowledged:
            self._advance()

    def pending_events(self) -> Iterator[tuple[int, Event]]:
        """The events that may be pending, each with the number of its batch."""
        return ((batch.sequence, event) for batch in self._batches for event in batch.events)

    def _advance(self) -> None:
        while self._batches and self._batches[0].delivered:
            self.delivered = self._batches.popleft().sequence
