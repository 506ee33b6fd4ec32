"""Requests that wait to be decided: bounded, and taken in turn, so that no flood holds up other clients."""

from collections import deque
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from cloud_service.protocol.incoming import Incoming


class Waiting(Struct, frozen=True):
    """A request, when it arrived (Unix time, seconds), and what its acknowledgement needs."""

    incoming: Incoming
    arrival: float
    ticket: Any


class WaitingRequests:
    """A queue for each client, and turns among them."""

    def __init__(self, in_all: int, per_client: int) -> None:
        self._in_all = in_all
        self._per_client = per_client
        self._queues: dict[str, deque[Waiting]] = {}
        self._count = 0

    def __len__(self) -> int:
        return self._count

    def add(self, waiting: Waiting) -> bool:
        """Whether there is room for it, in all and for its client."""
        queue = self._queues.get(waiting.incoming.client)
        if self._count >= self._in_all or (queue is not None and len(queue) >= self._per_client):
            return False
        if queue is None:
            queue = self._queues[waiting.incoming.client] = deque()
        queue.append(waiting)
        self._count += 1
        return True

    def take(self, most: int) -> Iterator[Waiting]:
        """The next requests, one of each client in turn; those of one client stay in order.

        A request is taken when the iterator gives it: who stops early leaves the rest where it is.
        """
        for _ in range(min(most, self._count)):
            client = next(iter(self._queues))
            queue = self._queues.pop(client)
            waiting = queue.popleft()
            if queue:
                self._queues[client] = queue
            self._count -= 1
            yield waiting
