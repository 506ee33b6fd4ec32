"""What the engine gives back for the messages that it took in."""

from typing import Any

from msgspec import Struct, field

from cloud_service.core.changes import Changes
from cloud_service.protocol.incoming import Incoming
from cloud_service.protocol.messages import Message
from cloud_service.protocol.replies import Outcome

_TOPIC_CHARACTERS = 200
"""A topic may have 64 KiB; the log and the audit log get its beginning."""


class Answer(Struct, frozen=True):
    """What became of a message. It can be acknowledged once the reply, if there is one, has been sent."""

    delivery: Any
    outcome: str
    """For the log: `ok`, the error's code, or why there is no reply."""
    reply: Message | None = None
    incoming: Incoming | None = None
    """The request; None if the message was ignored."""
    topic: str = ""
    """The beginning of an ignored message's topic."""


class BatchResult(Struct):
    """What a batch brings about, besides its events, which are in the outbox."""

    answers: list[Answer] = field(default_factory=list)
    changes: list[Changes] = field(default_factory=list)
    """What has been changed in the network."""
    steps: int = 0
    """How many steps the passing of time has made of them."""
    reloaded: bool = False
    """The network was recovered from disk, and everything derived from it has to be derived again."""
    told_again: list[Changes] = field(default_factory=list)
    """Changes of which the retained messages have to be sent once more."""


def answered(incoming: Incoming, outcome: Outcome) -> Answer:
    """The answer that carries this outcome."""
    return Answer(incoming.delivery, outcome.status, incoming.reply(outcome), incoming)


def unanswered(incoming: Incoming, reason: str) -> Answer:
    """The answer to a request that gets no reply."""
    return Answer(incoming.delivery, reason, incoming=incoming)


def ignored(message: Message, delivery: object) -> Answer:
    """The answer to a message that is not a request, or whose reply would take too much memory."""
    return Answer(delivery, "ignored", topic=message.topic[:_TOPIC_CHARACTERS])
