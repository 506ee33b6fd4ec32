"""Deduplication: which requests were answered, and how, so that a repeated delivery has no effect."""

from array import array
from collections import OrderedDict
from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from cloud_service.protocol.errors import IDReused
from cloud_service.protocol.incoming import Incoming
from cloud_service.protocol.replies import Outcome, failed
from cloud_service.service.engine.limits import DeduplicationLimits
from cloud_service.service.engine.request_block import FULL, RequestBlock
from cloud_service.service.engine.request_index import RequestIndex, key_of
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
        self._index = RequestIndex(limits.in_all)
        self._next = 0
        """The position of the next request. Those of a block follow one another."""
        self._blocks: OrderedDict[int, RequestBlock] = OrderedDict()
        """By number, oldest first. One in which all requests are forgotten is removed."""
        self._clients: dict[str, _KeysOfClient] = {}
        for stored in remembered:
            self.add(stored)

    def __len__(self) -> int:
        return len(self._index)

    @property
    def oldest(self) -> int | None:
        """The batch of the oldest request; None if there is none."""
        found = self._find_oldest()
        return None if found is None else found[1].sequence

    def find(self, client: str, identity: str) -> RequestRecord | None:
        """The record of an answered request; the newest, if an ID was forgotten and used again."""
        for position in reversed(self._index.positions(key_of(client, identity))):
            request = self._at(position).request
            if request.identity == identity and request.client == client:
                return request
        return None

    def add(self, stored: StoredRequest) -> None:
        """Remembers a request, and forgets the oldest if there are too many."""
        client = stored.request.client
        key = key_of(client, stored.request.identity)
        self._append(key, stored)
        keys = self._clients.get(client)
        if keys is None:
            keys = self._clients[client] = _KeysOfClient()
        keys.add(key)
        if len(keys) > self._limits.per_client:
            self._forget(client, keys.oldest, self._find_oldest_of(client, keys.oldest))
        if len(self._index) > self._limits.in_all:
            self._forget_oldest()

    def forget_older(self, now: datetime) -> None:
        """Forgets the requests that are older than the limit."""
        while (found := self._find_oldest()) is not None and found[1].at < now - self._limits.age:
            self._forget_oldest()

    def _find_oldest(self) -> tuple[int, StoredRequest] | None:
        """The oldest request, and its position."""
        for number, block in self._blocks.items():
            if (found := block.oldest()) is not None:
                place, stored = found
                return number * FULL + place, stored
        return None

    def _find_oldest_of(self, client: str, key: int) -> int:
        """The position of a client's oldest request with this key."""
        first, *others = self._index.positions(key)
        if not others:
            return first
        return next(each for each in (first, *others) if self._at(each).request.client == client)

    def _at(self, position: int) -> StoredRequest:
        return self._blocks[position // FULL].at(position % FULL)

    def _append(self, key: int, stored: StoredRequest) -> None:
        number = self._next // FULL
        if number not in self._blocks:
            self._blocks[number] = RequestBlock()
        self._blocks[number].add(stored)
        self._index.add(key, self._next)
        self._next += 1

    def _forget_oldest(self) -> None:
        found = self._find_oldest()
        assert found is not None
        position, stored = found
        client = stored.request.client
        self._forget(client, key_of(client, stored.request.identity), position)

    def _forget(self, client: str, key: int, position: int) -> None:
        """Forgets a client's oldest request."""
        self._index.remove(key, position)
        number, place = divmod(position, FULL)
        block = self._blocks[number]
        block.forget(place)
        if not block.remaining:
            del self._blocks[number]
        keys = self._clients[client]
        keys.remove_oldest()
        if not len(keys):
            del self._clients[client]


class _KeysOfClient:
    """Oldest first. A deque would take more memory than all else of a client with few requests."""

    __slots__ = ("_keys", "_removed")

    def __init__(self) -> None:
        self._keys = array("q")
        self._removed = 0
        """So many at the front count no longer: an array is slow to move up."""

    def __len__(self) -> int:
        return len(self._keys) - self._removed

    @property
    def oldest(self) -> int:
        return self._keys[self._removed]

    def add(self, key: int) -> None:
        self._keys.append(key)

    def remove_oldest(self) -> None:
        self._removed += 1
        if self._removed > len(self._keys) // 2:
            del self._keys[: self._removed]
            self._removed = 0


def to_record(client: str, identity: str, fingerprint: bytes, outcome: Outcome) -> RequestRecord:
    """The record of a request that was answered."""
    return RequestRecord(client, identity, fingerprint, outcome.status, outcome.body.decode())


def repeat(known: RequestRecord, incoming: Incoming) -> Outcome:
    """The outcome of a request under a known identity: the recorded one, or ID_REUSED for another request."""
    if not incoming.is_as_recorded(known.fingerprint):
        return failed(IDReused())
    return Outcome(known.status, known.body.encode())
