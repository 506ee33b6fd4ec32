"""The events of a service, which are in the database until the brokers have them.

An event waits while another service still has to publish an older one of the same vehicle.
"""

from collections.abc import Iterable, Sequence
from typing import Any

from cloud_service.core.changes import Changes
from cloud_service.database.peers import OwedEvent, Peers
from cloud_service.database.state import DatabaseState
from cloud_service.database.writing import Written
from cloud_service.service.database_engine.held_events import HeldBatch, HeldEvents
from cloud_service.service.engine.outbox import Outbox, OutgoingEvent


class ToldEvents:
    """From the commit of an event to its end in the database."""

    def __init__(self) -> None:
        self.outbox = Outbox()
        self._batches = 0
        """Committed batches with events, by which the outbox knows them."""
        self._held = HeldEvents()
        self._owed: list[tuple[int, list[int]]] = []
        """The number of each of these batches, and those of its events in the database."""

    def __len__(self) -> int:
        """How many events `take` has not given back yet."""
        return self.outbox.waiting + len(self._held)

    @property
    def any_held(self) -> bool:
        """Whether an event waits for one of another service."""
        return bool(self._held)

    @property
    def all_delivered(self) -> bool:
        """Whether all brokers have all events, and the database knows."""
        return not self._owed and not self._held

    def committed(self, changes: Iterable[Changes], written: Written) -> None:
        """Takes the events of a committed batch."""
        events = [event for each in changes for event in each.events]
        if events:
            told = HeldBatch(written.events, events)
            if written.waits_for_others or self._held.concerns(told):
                self._held.hold([told])
            else:
                self._tell(told)

    def take_over(self, owed: Sequence[OwedEvent]) -> None:
        """Takes events of services that have died."""
        self._held.hold(HeldBatch([each.number], [each.event]) for each in owed)

    def release(self, peers: Peers) -> None:
        """Releases the events that no longer wait for another service."""
        if self._held:
            for told in self._held.release(peers.waiting):
                self._tell(told)

    def take(self, most: int) -> list[OutgoingEvent]:
        """The messages of at most this many events, oldest first."""
        return self.outbox.take(most)

    def acknowledged(self, receipt: Any) -> None:
        """Notes that the broker has acknowledged an event."""
        self.outbox.acknowledged(receipt)

    def forget_delivered(self, state: DatabaseState) -> None:
        """Removes what all brokers have. Raises WriteFailed."""
        delivered = [entry for entry in self._owed if entry[0] <= self.outbox.delivered]
        if delivered:
            state.forget_events([number for _, numbers in delivered for number in numbers])
            del self._owed[: len(delivered)]

    def _tell(self, told: HeldBatch) -> None:
        self._batches += 1
        self.outbox.add(self._batches, told.events)
        self._owed.append((self._batches, told.numbers))
