"""The request memory: which requests were answered, and how, so that a further delivery takes no effect."""

from collections import OrderedDict, deque
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Annotated

from msgspec import Struct

from cloud_service.config.setting import Section, Setting
from cloud_service.config.values import COUNT, HOURS
from cloud_service.protocol.replies import Outcome
from cloud_service.store.interface import StoredRequest
from cloud_service.store.journal import RequestRecord


class DeduplicationLimits(Struct, frozen=True):
    """For how long requests are remembered, and how many: the newest of a client, and in all."""

    age: Annotated[
        timedelta,
        Setting("remember_hours", HOURS, Section.SERVICE_LIMITS, "how long requests are remembered"),
    ] = timedelta(hours=24)
    per_client: Annotated[
        int,
        Setting("remember_per_client", COUNT, Section.SERVICE_LIMITS, "requests remembered of one client"),
    ] = 100_000
    in_all: Annotated[
        int, Setting("remember_in_all", COUNT, Section.SERVICE_LIMITS, "requests remembered in all")
    ] = 250_000


class Deduplication:
    """Requests by client and ID. The oldest go first."""

    def __init__(self, limits: DeduplicationLimits, remembered: Iterable[StoredRequest] = ()) -> None:
        self._limits = limits
        # The first of an ordinary dict is slow to find where many before it were deleted.
        self._clients: dict[str, OrderedDict[str, StoredRequest]] = {}
        self._order: deque[StoredRequest] = deque()
        self._count = 0
        for memory in remembered:
            self.add(memory)

    def __len__(self) -> int:
        return self._count

    @property
    def oldest(self) -> int | None:
        """The batch of the oldest request; None where nothing is remembered."""
        self._skip_forgotten()
        return self._order[0].sequence if self._order else None

    def find(self, client: str, identity: str) -> RequestRecord | None:
        requests = self._clients.get(client)
        memory = requests and requests.get(identity)
        return memory.request if memory else None

    def add(self, memory: StoredRequest) -> None:
        """Remembers a request, and forgets the oldest where that makes too many."""
        requests = self._clients.setdefault(memory.request.client, OrderedDict())
        self._count += memory.request.identity not in requests
        requests[memory.request.identity] = memory
        self._order.append(memory)
        if len(requests) > self._limits.per_client:
            self._forget(next(iter(requests.values())))
        while self._count > self._limits.in_all:
            self._forget(self._order.popleft())
        if len(self._order) > 2 * self._count + 100:  # most of it forgotten behind what is not
            self._order = deque(filter(self._remembers, self._order))

    def forget_older(self, now: datetime) -> None:
        """Forgets what is older than the limit."""
        while self._order and self._order[0].at < now - self._limits.age:
            self._forget(self._order.popleft())

    def _forget(self, memory: StoredRequest) -> None:
        """Forgets this very delivery; the same ID may have been forgotten and remembered anew since."""
        if self._remembers(memory):
            requests = self._clients[memory.request.client]
            del requests[memory.request.identity]
            self._count -= 1
            if not requests:
                del self._clients[memory.request.client]

    def _remembers(self, memory: StoredRequest) -> bool:
        requests = self._clients.get(memory.request.client)
        return requests is not None and requests.get(memory.request.identity) is memory

    def _skip_forgotten(self) -> None:
        while self._order and not self._remembers(self._order[0]):
            self._order.popleft()


def to_record(client: str, identity: str, fingerprint: bytes, outcome: Outcome) -> RequestRecord:
    return RequestRecord(client, identity, fingerprint, outcome.status, outcome.body.decode())


def to_outcome(remembered: RequestRecord) -> Outcome:
    return Outcome(remembered.status, remembered.body.encode())
