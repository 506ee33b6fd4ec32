"""Deduplication: which requests were answered, and how, so that a repeated delivery has no effect."""

from collections import OrderedDict, deque
from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from cloud_service.protocol.errors import IDReused
from cloud_service.protocol.incoming import Incoming
from cloud_service.protocol.replies import Outcome, failed
from cloud_service.service.engine.limits import DeduplicationLimits
from cloud_service.store.interface import StoredRequest
from cloud_service.store.journal import RequestRecord


class KnownRequests(Protocol):
    """Where answered requests are found."""

    def find(self, client: str, identity: str) -> RequestRecord | None:
        """The record of an answered request."""


class Deduplication:
    """Request records by client and identity. The oldest are forgotten first."""

    def __init__(self, limits: DeduplicationLimits, remembered: Iterable[StoredRequest] = ()) -> None:
        self._limits = limits
        # Not an ordinary dict: its first key is slow to find after many keys before it were deleted.
        self._clients: dict[str, OrderedDict[str, StoredRequest]] = {}
        self._order: deque[StoredRequest] = deque()
        """Oldest first. It may still hold requests that were forgotten out of order."""
        self._count = 0
        for stored in remembered:
            self.add(stored)

    def __len__(self) -> int:
        return self._count

    @property
    def oldest(self) -> int | None:
        """The batch of the oldest request; None if there is none."""
        while self._order and not self._remembers(self._order[0]):
            self._order.popleft()
        return self._order[0].sequence if self._order else None

    def find(self, client: str, identity: str) -> RequestRecord | None:
        """The record of an answered request."""
        requests = self._clients.get(client)
        stored = requests and requests.get(identity)
        return stored.request if stored else None

    def add(self, stored: StoredRequest) -> None:
        """Remembers a request, and forgets the oldest if there are too many."""
        requests = self._clients.setdefault(stored.request.client, OrderedDict())
        self._count += stored.request.identity not in requests
        requests[stored.request.identity] = stored
        self._order.append(stored)
        if len(requests) > self._limits.per_client:
            self._forget(next(iter(requests.values())))
        while self._count > self._limits.in_all:
            self._forget(self._order.popleft())
        if len(self._order) > 2 * self._count + 100:  # most of them are forgotten already
            self._order = deque(filter(self._remembers, self._order))

    def forget_older(self, now: datetime) -> None:
        """Forgets the requests that are older than the limit."""
        while self._order and self._order[0].at < now - self._limits.age:
            self._forget(self._order.popleft())

    def _forget(self, stored: StoredRequest) -> None:
        """Forgets this request, but not a later one with the same identity."""
        if self._remembers(stored):
            requests = self._clients[stored.request.client]
            del requests[stored.request.identity]
            self._count -= 1
            if not requests:
                del self._clients[stored.request.client]

    def _remembers(self, stored: StoredRequest) -> bool:
        requests = self._clients.get(stored.request.client)
        return requests is not None and requests.get(stored.request.identity) is stored


def to_record(client: str, identity: str, fingerprint: bytes, outcome: Outcome) -> RequestRecord:
    """The record of a request that was answered."""
    return RequestRecord(client, identity, fingerprint, outcome.status, outcome.body.decode())


def repeat(known: RequestRecord, incoming: Incoming) -> Outcome:
    """The outcome of a request under a known identity: the recorded one, or ID_REUSED for another request."""
    if not incoming.is_as_recorded(known.fingerprint):
        return failed(IDReused())
    return Outcome(known.status, known.body.encode())
