"""What the service asks of an engine, whatever keeps its network."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, Protocol

from cloud_service.core.network import Network
from cloud_service.core.rules import Rules
from cloud_service.protocol.messages import Message
from cloud_service.service.engine.answers import BatchResult
from cloud_service.service.engine.counts import NetworkCounts
from cloud_service.service.engine.outbox import Outbox, OutgoingEvent


class NetworkEngine(Protocol):
    """Decides requests. Its caller has the clock and the connection. One thread uses it."""

    def __len__(self) -> int:
        """How many messages wait: for a decision, or for their refusal to be sent."""

    @property
    def outbox(self) -> Outbox:
        """The events that the brokers may not have yet."""

    @property
    def rules(self) -> Rules:
        """What the network goes by."""

    def show(self, to: Callable[[Network], None]) -> bool:
        """Calls with the network as it is on disk. Returns False if it cannot be read now."""

    @property
    def writable(self) -> bool:
        """Whether the last write succeeded, as far as one was tried."""

    @property
    def leads(self) -> bool:
        """Whether this service compares what the broker has retained with the network."""

    @property
    def waiting_events(self) -> int:
        """How many events `take_events` has not given back yet."""

    def take_in(self, message: Message, delivery: object, arrival: float) -> None:
        """Takes in a message that arrived at this Unix time. A later `work` answers it."""

    def note_presence(self, client: str, online: bool, now: datetime) -> None:
        """Notes what an account's presence topic says; without one, it counts as online."""

    def note_hearing(self, *, all_brokers: bool) -> None:
        """Notes whether all brokers are heard: who is at another one may be online."""

    def work(
        self, now: datetime, clients_time: datetime | None = None, collect: Callable[[], None] | None = None
    ) -> BatchResult:
        """Decides a batch of requests, and lets time pass. `collect` has to take in what has arrived: it is
        called where the batch had to wait for another service.
        """

    def take_events(self, most: int) -> list[OutgoingEvent]:
        """The messages of at most this many events, oldest first. Their changes are on disk."""

    def acknowledged(self, receipt: Any) -> None:
        """Notes that the broker has acknowledged an event."""

    def maintain(self, now: datetime) -> None:
        """Does what has to be done from time to time. To be called often."""

    def counts(self, now: datetime) -> NetworkCounts:
        """How much there is of everything."""

    def close(self, now: datetime) -> None:
        """Makes everything durable that is not yet. Raises OSError or StoreError if that fails."""
