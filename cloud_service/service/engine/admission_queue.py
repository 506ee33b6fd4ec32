"""Requests that wait for a decision: bounded, and taken in turn, so that no client holds up the others."""

from collections import Counter, deque
from collections.abc import Iterator

from msgspec import Struct

from cloud_service.protocol.incoming import Incoming


class AdmissionLimit(Struct, frozen=True):
    """How much may wait."""

    requests: int
    size: int
    """In bytes."""

    def has_room(self, requests: int, size: int) -> bool:
        """Whether one more request fits, if this many wait and all together would have this size."""
        return requests < self.requests and size <= self.size


class _ClientQueue:
    """The requests of one client."""

    def __init__(self) -> None:
        self.requests: deque[Incoming] = deque()
        self.size = 0


class AdmissionQueue:
    """A queue for each client. The clients take turns."""

    def __init__(self, in_all: AdmissionLimit, per_client: AdmissionLimit) -> None:
        self._in_all = in_all
        self._per_client = per_client
        self._queues: dict[str, _ClientQueue] = {}
        """In the order of the clients' turns."""
        self._identities: Counter[tuple[str, str]] = Counter()
        self._count = 0
        self._size = 0

    def __len__(self) -> int:
        return self._count

    def add(self, incoming: Incoming) -> bool:
        """Adds a request. Returns whether there was room for it, in all and for its client."""
        queue = self._queues.get(incoming.client) or _ClientQueue()
        if not (
            self._in_all.has_room(self._count, self._size + incoming.size)
            and self._per_client.has_room(len(queue.requests), queue.size + incoming.size)
        ):
            return False
        self._queues[incoming.client] = queue
        queue.requests.append(incoming)
        queue.size += incoming.size
        self._count += 1
        self._size += incoming.size
        if incoming.identity is not None:
            self._identities[incoming.client, incoming.identity] += 1
        return True

    def holds(self, client: str, identity: str) -> bool:
        """Whether a request with this identity waits."""
        return (client, identity) in self._identities

    def take(self, count: int) -> Iterator[Incoming]:
        """Yields at most `count` requests, one of each client in turn. Those of one client stay in order.

        A request leaves the queue when it is yielded. Unconsumed requests stay queued.
        """
        for _ in range(min(count, self._count)):
            yield self._take_one()

    def _take_one(self) -> Incoming:
        client = next(iter(self._queues))
        queue = self._queues.pop(client)
        incoming = queue.requests.popleft()
        queue.size -= incoming.size
        if queue.requests:
            self._queues[client] = queue
        self._count -= 1
        self._size -= incoming.size
        if incoming.identity is not None:
            self._forget_identity((client, incoming.identity))
        return incoming

    def _forget_identity(self, key: tuple[str, str]) -> None:
        self._identities[key] -= 1
        if not self._identities[key]:
            del self._identities[key]
