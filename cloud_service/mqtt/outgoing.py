"""Messages on their way to the broker, until it has acknowledged them. Pure."""

from collections import deque
from contextlib import suppress
from typing import Generic, TypeVar

from msgspec import Struct

from cloud_service.mqtt.publish_packet import MOST_IN_FLIGHT
from cloud_service.protocol.messages import Message

Receipt = TypeVar("Receipt")


class Outgoing(Struct, Generic[Receipt], eq=False):
    """A message to publish. The receipt is the publisher's."""

    message: Message
    receipt: Receipt
    size: int
    """Of the message, in bytes."""
    valid_until: float | None = None
    """On the session's clock. The packet says how much of it is left, and is not sent afterwards."""
    number: int = 0
    """The packet number; 0 until the message is sent."""
    withdrawn: bool = False
    repeated: bool = False
    """Whether an earlier connection ended before the broker had acknowledged it."""


class OutgoingQueue(Generic[Receipt]):
    """At most `window` messages are in flight: sent, and not acknowledged. The others wait in order."""

    def __init__(self, window: int) -> None:
        self.window = window
        self.bytes = 0
        """The size of all messages that are not acknowledged, in flight or not."""
        self._last_number = 0
        self._in_flight: dict[int, Outgoing[Receipt]] = {}
        self._resend: deque[Outgoing[Receipt]] = deque()
        self._waiting: deque[Outgoing[Receipt]] = deque()

    def __len__(self) -> int:
        return len(self._in_flight) + self.waiting

    @property
    def waiting(self) -> int:
        """How many messages are not in flight."""
        return len(self._resend) + len(self._waiting)

    @property
    def is_clear(self) -> bool:
        """Whether a further message need not wait: none does, and the window has room for it."""
        return not self._waiting and not self._resend and len(self._in_flight) < self.window

    def add(self, outgoing: Outgoing[Receipt], *, first: bool = False) -> None:
        """Appends a message, or puts it before all that were never sent."""
        self.bytes += outgoing.size
        if first:
            self._waiting.appendleft(outgoing)
        else:
            self._waiting.append(outgoing)

    def withdraw(self, outgoing: Outgoing[Receipt]) -> None:
        """Forgets a message that waits. One that is in flight is not sent again."""
        outgoing.withdrawn = True
        for queue in (self._resend, self._waiting):
            with suppress(ValueError):
                queue.remove(outgoing)
                self.bytes -= outgoing.size

    def take(self) -> Outgoing[Receipt] | None:
        """Removes and returns the next message to send, or None while the window is full."""
        if len(self._in_flight) >= self.window:
            return None
        queue = self._resend or self._waiting
        if not queue:
            return None
        outgoing = queue.popleft()
        self.bytes -= outgoing.size
        return outgoing

    def note_sent(self, outgoing: Outgoing[Receipt]) -> None:
        """A message that does not wait, or no longer, is in flight under its number."""
        self._in_flight[outgoing.number] = outgoing
        self.bytes += outgoing.size

    def acknowledge(self, number: int) -> Outgoing[Receipt] | None:
        """Removes and returns the message that is in flight under this number."""
        outgoing = self._in_flight.pop(number, None)
        if outgoing is not None:
            self.bytes -= outgoing.size
        return outgoing

    def next_number(self) -> int:
        """Returns a packet number that no message has."""
        while True:
            self._last_number = number = self._last_number % MOST_IN_FLIGHT + 1
            if number not in self._in_flight and not (self._resend and self._is_sent_again(number)):
                return number

    def _is_sent_again(self, number: int) -> bool:
        return any(outgoing.number == number for outgoing in self._resend)

    def requeue(self) -> None:
        """The connection is lost: what was in flight is sent again first, in its order, under its numbers."""
        for outgoing in reversed(self._in_flight.values()):
            if outgoing.withdrawn:
                self.bytes -= outgoing.size
            else:
                outgoing.repeated = True
                self._resend.appendleft(outgoing)
        self._in_flight.clear()

    def renumber(self) -> None:
        """The broker has forgotten the session: what is sent again is a new message to it."""
        for outgoing in self._resend:
            outgoing.number = 0
        self._waiting.extendleft(reversed(self._resend))
        self._resend.clear()

    def withdraw_retained(self) -> list[Message]:
        """Forgets the retained messages that wait, and returns them, oldest first."""
        withdrawn: list[Message] = []
        for queue in (self._resend, self._waiting):
            withdrawn += [outgoing.message for outgoing in queue if outgoing.message.retain]
            left = [outgoing for outgoing in queue if not outgoing.message.retain]
            queue.clear()
            queue.extend(left)
        self.bytes -= sum(message.size for message in withdrawn)
        return withdrawn

    def clear(self) -> list[Outgoing[Receipt]]:
        """Forgets all messages and returns them, oldest first."""
        self.requeue()
        forgotten = [*self._resend, *self._waiting]
        self._resend.clear()
        self._waiting.clear()
        self.bytes = 0
        return forgotten
