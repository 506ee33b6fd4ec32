"""Publishes events, behind the replies and a few at a time."""

from typing import Any, Final, Protocol

from cloud_service.protocol.messages import Message
from cloud_service.service.engine.interface import NetworkEngine

EVENTS_A_TURN: Final = 500
"""The most events sent before requests are handled again (some ten milliseconds)."""
MAX_WAITING: Final = 200_000
"""While this many events wait, requests wait too: events must not fill the memory."""


class Receivers(Protocol):
    """What publishing events needs of the brokers."""

    @property
    def room_for_events(self) -> int: ...

    def tell(self, event: Message, receipt: Any) -> None: ...


class EventPublisher:
    """Sends what waits in the engine's outbox, while the brokers keep up.

    A reply waits at the broker behind what was sent before it, so there is never much of it.
    """

    def __init__(self, engine: NetworkEngine, receivers: Receivers) -> None:
        self._engine = engine
        self._receivers = receivers

    @property
    def has_work(self) -> bool:
        """Whether `turn` has something to send."""
        return self._engine.outbox.waiting > 0 and self._room > 0

    @property
    def is_behind(self) -> bool:
        """Whether so many events wait that no request may add any."""
        return self._engine.waiting_events >= MAX_WAITING

    def turn(self) -> None:
        """Sends a few events."""
        for event in self._engine.take_events(min(EVENTS_A_TURN, self._room)):
            self._receivers.tell(event.message, event.receipt)

    @property
    def _room(self) -> int:
        """For this many events there is room. Each has two messages at most."""
        return self._receivers.room_for_events // 2
