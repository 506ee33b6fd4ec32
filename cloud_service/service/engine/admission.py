"""Requests that wait to be decided: bounded, and taken in turn, so that no flood holds up other clients."""

from collections import Counter, deque
from collections.abc import Iterator

from msgspec import Struct

from cloud_service.protocol.incoming import Incoming


class AdmissionLimit(Struct, frozen=True):
    """How much may wait."""

    requests: int
    size: int
    """In bytes."""


class _Queue:
    """What waits of one client."""

    def __init__(self) -> None:
        self.requests: deque[Incoming] = deque()
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

    def add(self, incoming: Incoming) -> bool:
        """Whether there is room for it, in all and for its client."""
        queue = self._queues.get(incoming.client) or _Queue()
        if not (
            _fits(self._in_all, self._count, self._size + incoming.size)
            and _fits(self._per_client, len(queue.requests), queue.size + incoming.size)
        ):
            return False
        self._queues[incoming.client] = queue
        queue.requests.append(incoming)
        queue.size += incoming.size
        self._count += 1
        self._size += incoming.size
        for key in _identity(incoming):
            self._identities[key] += 1
        return True

    def holds(self, client: str, identity: str) -> bool:
        """Whether a request of this ID waits."""
        return (client, identity) in self._identities

    def take(self, most: int) -> Iterator[Incoming]:
        """The next requests, one of each client in turn; those of one client stay in order.

        A request is taken when the iterator gives it: who stops early leaves the rest where it is.
        """
        for _ in range(min(most, self._count)):
            client = next(iter(self._queues))
            queue = self._queues.pop(client)
            incoming = queue.requests.popleft()
            queue.size -= incoming.size
            if queue.requests:
                self._queues[client] = queue
            self._count -= 1
            self._size -= incoming.size
            for key in _identity(incoming):
                self._identities[key] -= 1
                if not self._identities[key]:
                    del self._identities[key]
            yield incoming


def _identity(incoming: Incoming) -> list[tuple[str, str]]:
    """One, or none."""
    identity = incoming.identity
    return [] if identity is None else [(incoming.client, identity)]


def _fits(room: AdmissionLimit, requests: int, size: int) -> bool:
    """Whether one more request has room where so many wait, and so many bytes would."""
    return requests < room.requests and size <= room.size
