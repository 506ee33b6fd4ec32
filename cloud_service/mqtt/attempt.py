"""One delivery of a request to the broker, and what comes of it."""

import asyncio
import enum
from typing import TypeAlias

from cloud_service.mqtt.async_connection import AsyncConnection, Posted
from cloud_service.mqtt.publisher import Publication
from cloud_service.protocol.messages import Message
from cloud_service.protocol.replies import Reply


class NoReply(enum.Enum):
    """What may come of it instead of a reply."""

    SILENCE = enum.auto()
    """Somebody may have received it, and it should be sent again."""
    UNHEARD = enum.auto()
    """Nobody has received this delivery of it."""
    UNHEARD_NOW = enum.auto()
    """The same, but the delivery was repeated, and somebody may have received it before."""
    TOO_LATE = enum.auto()
    """The time for the reply is over."""


Outcome: TypeAlias = Reply | NoReply


class Attempt:
    """A request on its way since `now`, which has until `deadline`: times of the loop's clock.

    `patience` is the time in seconds from the broker's acknowledgement until there is SILENCE.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, now: float, patience: float, deadline: float) -> None:
        self._loop = loop
        self.outcome: asyncio.Future[Outcome] = self._loop.create_future()
        self.acknowledged = False
        """Whether the broker has the request. Otherwise the connection sends it when it can."""
        self.next_look = min(now + patience, deadline)
        """The earliest moment at which either time can be over."""
        self._patience = patience
        self._deadline = deadline
        self._silent_at: float | None = None
        self._connection: AsyncConnection | None = None
        self._posted: Posted | None = None

    def send(self, connection: AsyncConnection, message: Message, valid_until: float) -> None:
        """Hands the request over to the connection, which does not send it after `valid_until`."""
        self._connection = connection
        self._posted = connection.post(message, self._note_acknowledged, valid_until=valid_until)

    def resolve(self, outcome: Outcome) -> None:
        """This is what has come of it, unless something has already."""
        if not self.outcome.done():
            self.outcome.set_result(outcome)

    def look(self, now: float) -> None:
        """Finds out whether one of the times is over."""
        if now >= self._deadline:
            self.resolve(NoReply.TOO_LATE)
        elif self._silent_at is not None and now >= self._silent_at:
            self.resolve(NoReply.SILENCE)
        else:
            self.next_look = min(self._silent_at or now + self._patience, self._deadline)

    def withdraw(self) -> None:
        """Takes back the request if it was not sent yet."""
        if self._connection is not None and self._posted is not None and not self.acknowledged:
            self._connection.withdraw(self._posted)

    def _note_acknowledged(self, publication: Publication) -> None:
        self.acknowledged = True
        if self.outcome.done():
            return
        if publication.error is not None:
            self.outcome.set_exception(publication.error)
        elif publication.unheard:
            self.outcome.set_result(NoReply.UNHEARD_NOW if publication.repeated else NoReply.UNHEARD)
        else:
            self._silent_at = self._loop.time() + self._patience


class Lookout:
    """Looks at attempts when their time may be over: one timer for all, as most get a reply first."""

    def __init__(self) -> None:
        self._attempts: set[Attempt] = set()
        self._timer: asyncio.TimerHandle | None = None

    def add(self, attempt: Attempt) -> None:
        """Looks at this one from now on."""
        self._attempts.add(attempt)
        self._look_at(attempt.next_look)

    def remove(self, attempt: Attempt) -> None:
        """Undoes `add`."""
        self._attempts.remove(attempt)

    def _look_at(self, when: float) -> None:
        if self._timer is not None:
            if self._timer.when() <= when:
                return
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_at(when, self._look)

    def _look(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        for attempt in self._attempts:
            if attempt.next_look <= now:
                attempt.look(now)
        waiting = [attempt.next_look for attempt in self._attempts if not attempt.outcome.done()]
        if waiting:
            self._look_at(min(waiting))
