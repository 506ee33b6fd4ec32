"""Admission: which messages become requests that wait for a decision, and which are refused at once."""

import logging
from collections.abc import Callable, Iterator

from cloud_service.protocol.actions import Actions
from cloud_service.protocol.envelope import Ignored
from cloud_service.protocol.incoming import Incoming, receive
from cloud_service.protocol.messages import Message
from cloud_service.service.engine.admission_queue import AdmissionLimit, AdmissionQueue
from cloud_service.service.engine.answers import Answer, ignored, unanswered
from cloud_service.service.engine.limits import EngineLimits

log = logging.getLogger(__name__)


class Admission:
    """The queue of requests, and the answers to messages that did not get into it.

    `turn_away` answers a request for which the queue has no room.
    """

    def __init__(
        self, limits: EngineLimits, actions: Actions, turn_away: Callable[[Incoming], Answer]
    ) -> None:
        self._actions = actions
        self._turn_away = turn_away
        self._queue = AdmissionQueue(
            AdmissionLimit(limits.pending_in_all, limits.pending_bytes_in_all),
            AdmissionLimit(limits.pending_per_client, limits.pending_bytes_per_client),
        )
        self._refused: list[Answer] = []
        self._refused_bytes = 0
        self._max_refused_bytes = limits.refused_bytes

    def __len__(self) -> int:
        """How many messages wait: for a decision, or for their refusal to be sent."""
        return len(self._queue) + len(self._refused)

    def take_in(self, message: Message, delivery: object, arrival: float) -> None:
        """Admits a message that arrived at this Unix time, or refuses it."""
        try:
            incoming = receive(message, arrival, delivery, self._actions)
        except Ignored as reason:
            log.warning("request ignored", extra={"topic": message.topic[:200], "why": str(reason)})
            self._refused.append(ignored(message, delivery))
        except Exception:  # without an acknowledgement, the broker would deliver it again and again
            log.exception("a message on %s could not be read", message.topic[:200])
            self._refused.append(ignored(message, delivery))
        else:
            if incoming.expired(arrival):
                self._refuse(unanswered(incoming, "expired"), message)
            elif not self._queue.add(incoming):
                self._refuse(self._turn_away(incoming), message)

    def holds(self, client: str, identity: str) -> bool:
        """Whether a request with this identity waits."""
        return self._queue.holds(client, identity)

    def take(self, count: int) -> Iterator[Incoming]:
        """The next requests, at most `count`. Unconsumed requests stay queued."""
        return self._queue.take(count)

    def take_refusals(self) -> list[Answer]:
        """The answers to all messages that did not get into the queue."""
        refused, self._refused, self._refused_bytes = self._refused, [], 0
        return refused

    def _refuse(self, answer: Answer, message: Message) -> None:
        self._refused_bytes += message.size
        if self._refused_bytes > self._max_refused_bytes:
            answer = ignored(message, answer.delivery)
        self._refused.append(answer)
