"""Events that wait until other services have told older ones of the same vehicles."""

from collections.abc import Callable, Iterator, Sequence

from msgspec import Struct

from cloud_service.core.changes import Event
from cloud_service.core.records import VehicleKey


class HeldBatch(Struct, frozen=True):
    """Events of a batch, and their numbers in the database, which grow."""

    numbers: list[int]
    events: Sequence[Event]

    @property
    def vehicles(self) -> set[VehicleKey]:
        return {event.reservation.vehicle for event in self.events}


class HeldEvents:
    """Batches that wait. Those of other vehicles do not wait for them."""

    def __init__(self) -> None:
        self._batches: list[HeldBatch] = []

    def __len__(self) -> int:
        """How many events wait."""
        return sum(len(batch.events) for batch in self._batches)

    def hold(self, batch: HeldBatch) -> None:
        """Has a batch wait."""
        self._batches.append(batch)
        self._batches.sort(key=lambda each: each.numbers[0])

    def concerns(self, batch: HeldBatch) -> bool:
        """Whether events of one of its vehicles wait already."""
        return any(not held.vehicles.isdisjoint(batch.vehicles) for held in self._batches)

    def release(self, is_owed: Callable[[set[VehicleKey], int], bool]) -> Iterator[HeldBatch]:
        """Yields what waits no longer. `is_owed` says whether another service has to tell an event of one of
        these vehicles, with a number below this one.
        """
        blocked: set[VehicleKey] = set()
        waiting = self._batches
        self._batches = []
        for batch in waiting:
            vehicles = batch.vehicles
            if not blocked.isdisjoint(vehicles) or is_owed(vehicles, batch.numbers[0]):
                blocked |= vehicles
                self._batches.append(batch)
            else:
                yield batch
