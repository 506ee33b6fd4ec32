"""Deduplication: which requests were answered, and how, so that a repeated delivery has no effect."""

from collections import deque
from collections.abc import Iterable
from datetime import datetime
from hashlib import blake2b
from typing import Protocol

from cloud_service.protocol.errors import IDReused
from cloud_service.protocol.incoming import Incoming
from cloud_service.protocol.replies import Outcome, failed
from cloud_service.service.engine.limits import DeduplicationLimits
from cloud_service.service.engine.request_block import RequestBlock
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
        self._blocks: dict[int, RequestBlock] = {}
        """Where each request is that is remembered."""
        self._clients: dict[str, _KeysOfClient] = {}
        self._order: deque[RequestBlock] = deque()
        """Oldest first."""
        self._oldest: deque[tuple[int, RequestBlock, StoredRequest]] = deque()
        """The requests of the block before those in order. Some may be forgotten already."""
        for stored in remembered:
            self.add(stored)

    def __len__(self) -> int:
        return len(self._blocks)

    @property
    def oldest(self) -> int | None:
        """The batch of the oldest request; None if there is none."""
        stored = self._find_oldest()
        return None if stored is None else stored.sequence

    def find(self, client: str, identity: str) -> RequestRecord | None:
        """The record of an answered request."""
        block = self._blocks.get(_key(client, identity))
        return None if block is None else block.find(client, identity)

    def add(self, stored: StoredRequest) -> None:
        """Remembers a request, and forgets the oldest if there are too many."""
        client = stored.request.client
        key = _key(client, stored.request.identity)
        if key in self._blocks:
            self._forget(client, key)
        if not self._order or self._order[-1].is_full:
            self._order.append(RequestBlock())
        block = self._blocks[key] = self._order[-1]
        block.add(stored)
        keys = self._clients.setdefault(client, _KeysOfClient())
        keys.add(key)
        if len(keys) > self._limits.per_client:
            self._forget(client, keys.oldest)
        while len(self) > self._limits.in_all:
            self._forget_oldest()
        if len(self._order) > 2 * len(self) + 100:  # most of them hold nothing that is remembered
            self._order = deque(each for each in self._order if each.remembered)

    def forget_older(self, now: datetime) -> None:
        """Forgets the requests that are older than the limit."""
        while (stored := self._find_oldest()) is not None and stored.at < now - self._limits.age:
            self._forget_oldest()

    def _find_oldest(self) -> StoredRequest | None:
        while self._oldest or self._order:
            if self._oldest:
                key, block, stored = self._oldest[0]
                if self._blocks.get(key) is block:
                    return stored
                self._oldest.popleft()
            else:
                block = self._order.popleft()
                self._oldest.extend((_key_of(each), block, each) for each in block.unpack())
        return None

    def _forget_oldest(self) -> None:
        stored = self._find_oldest()
        assert stored is not None
        self._forget(stored.request.client, self._oldest[0][0])

    def _forget(self, client: str, key: int) -> None:
        block = self._blocks.pop(key)
        block.forget_one(lambda stored: self._blocks.get(_key_of(stored)) is block)
        keys = self._clients[client]
        keys.remove(key)
        if not len(keys):
            del self._clients[client]


class _KeysOfClient:
    """Oldest first. A deque would take more memory than all else of a client with few requests."""

    __slots__ = ("_keys", "_removed")

    def __init__(self) -> None:
        self._keys: list[int] = []
        self._removed = 0
        """So many at the front count no longer: a list is slow to move up."""

    def __len__(self) -> int:
        return len(self._keys) - self._removed

    @property
    def oldest(self) -> int:
        return self._keys[self._removed]

    def add(self, key: int) -> None:
        self._keys.append(key)

    def remove(self, key: int) -> None:
        if key == self.oldest:
            self._removed += 1
        else:
            self._keys.remove(key)
        if self._removed > len(self._keys) // 2:
            del self._keys[: self._removed]
            self._removed = 0


def _key(client: str, identity: str) -> int:
    """What stands for a request in memory: no two are the same, as far as a hash of 128 bits can tell."""
    return int.from_bytes(blake2b(f"{client} {identity}".encode(), digest_size=16).digest(), "big")


def _key_of(stored: StoredRequest) -> int:
    return _key(stored.request.client, stored.request.identity)


def to_record(client: str, identity: str, fingerprint: bytes, outcome: Outcome) -> RequestRecord:
    """The record of a request that was answered."""
    return RequestRecord(client, identity, fingerprint, outcome.status, outcome.body.decode())


def repeat(known: RequestRecord, incoming: Incoming) -> Outcome:
    """The outcome of a request under a known identity: the recorded one, or ID_REUSED for another request."""
    if not incoming.is_as_recorded(known.fingerprint):
        return failed(IDReused())
    return Outcome(known.status, known.body.encode())
