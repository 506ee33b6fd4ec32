"""Requests that wait to be decided: bounded, and taken in turn, so that no flood holds up other clients."""

from collections import Counter, deque
from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from cloud_service.protocol.incoming import Incoming


class Waiting(Struct, frozen=True):
    """A request, when it arrived (Unix time, seconds), what its acknowledgement needs, and its bytes."""

    incoming: Incoming
    arrival: float
    delivery: Any
    size: int


class AdmissionLimit(Struct, frozen=True):
    """How much may wait."""

    requests: int
    size: int
    """In bytes."""


class _Queue:
    """What waits of one client."""

    def __init__(self) -> None:
        self.requests: deque[Waiting] = deque()
        self.size = 0


class AdmissionQueue:
    """A queue for each client, and turns among them."""

    def __init__(self, in_all: AdmissionLimit, per_client: AdmissionLimit) -> None:
        self._in_all = in_all
        self._per_client = per_client
        self._queues: dict[str, _Queue] = {}
        self._identities: Counter[tuple[str, str]] = Counter()
        self._count = 0
        self._size = 0

    def __len__(self) -> int:
        return self._count

    def add(self, waiting: Waiting) -> bool:
        """Whether there is room for it, in all and for its client."""
        queue = self._queues.get(waiting.incoming.client) or _Queue()
        if not (
            _fits(self._in_all, self._count, self._size + waiting.size)
            and _fits(self._per_client, len(queue.requests), queue.size + waiting.size)
        ):
            return False
        self._queues[waiting.incoming.client] = queue
        queue.requests.append(waiting)
        queue.size += waiting.size
        self._count += 1
        self._size += waiting.size
        for key in _identity(waiting):
            self._identities[key] += 1
        return True

    def holds(self, client: str, identity: str) -> bool:
        """Whether a request of this ID waits."""
        return (client, identity) in self._identities

    def take(self, most: int) -> Iterator[Waiting]:
        """The next requests, one of each client in turn; those of one client stay in order.

        A request is taken when the iterator gives it: who stops early leaves the rest where it is.
        """
        for _ in range(min(most, self._count)):
            client = next(iter(self._queues))
            queue = self._queues.pop(client)
            waiting = queue.requests.popleft()
            queue.size -= waiting.size
            if queue.requests:
                self._queues[client] = queue
            self._count -= 1
            self._size -= waiting.size
            for key in _identity(waiting):
                self._identities[key] -= 1
                if not self._identities[key]:
                    del self._identities[key]
            yield waiting


def _identity(waiting: Waiting) -> list[tuple[str, str]]:
    """One, or none."""
    identity = waiting.incoming.identity
    return [] if identity is None else [(waiting.incoming.client, identity)]


def _fits(room: AdmissionLimit, requests: int, size: int) -> bool:
    """Whether one more request has room where so many wait, and so many bytes would."""
    return requests < room.requests and size <= room.size
