"""What one turn of the service gives: answers, events, changes."""

from typing import Any

from msgspec import Struct, field

from cloud_service.core.changes import Changes
from cloud_service.protocol.incoming import Incoming
from cloud_service.protocol.messages import Message


class Answer(Struct, frozen=True):
    """A request is done with: its ticket can be acknowledged once the reply, if any, is on its way."""

    delivery: Any
    reply: Message | None
    incoming: Incoming | None
    """The request; None where the message was none."""
    topic: str = ""
    """Where a message came that was no request."""
    silence: str = "expired"
    """Why a request gets no reply."""

    @property
    def outcome(self) -> str:
        """For the log: `ok`, the error's code, or why there is no reply."""
        if self.incoming is None:
            return "ignored"
        return self.silence if self.reply is None else self.reply.status or ""


class OutgoingEvent(Struct, frozen=True):
    """A message about what has happened; `receipt` goes back to the service when the broker has taken it."""

    message: Message
    receipt: Any


class BatchResult(Struct):
    """Answers first, then events; `changes` have been made."""

    answers: list[Answer] = field(default_factory=list)
    events: list[OutgoingEvent] = field(default_factory=list)
    changes: list[Changes] = field(default_factory=list)
    reloaded: bool = False
    """The network was read anew from disk: all that is derived from it has to be made anew."""
