"""Events that wait until other services have published older ones of the same vehicles."""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from cloud_service.core.changes import Event
from cloud_service.core.records import VehicleKey

MOST_AT_ONCE: Final = 1_000
"""For how many batches the database is asked at once whether they still have to wait."""

Waiting: TypeAlias = Callable[[Sequence[tuple[VehicleKey, int]]], set[tuple[VehicleKey, int]]]


class HeldBatch(Struct, frozen=True):
    """Events of a batch, and their numbers in the database, which grow."""

    numbers: list[int]
    events: Sequence[Event]

    @property
    def vehicles(self) -> set[VehicleKey]:
        return {event.reservation.vehicle for event in self.events}


class HeldEvents:
    """Batches that wait. Batches of other vehicles do not wait for them."""

    def __init__(self) -> None:
        self._batches: list[HeldBatch] = []
        self._events = 0
        self._vehicles = Counter[VehicleKey]()
        """How many of the batches concern each vehicle."""

    def __len__(self) -> int:
        """How many events wait."""
        return self._events

    def hold(self, batches: Iterable[HeldBatch]) -> None:
        """Has batches wait."""
        for batch in batches:
            self._batches.append(batch)
            self._events += len(batch.events)
            self._vehicles.update(batch.vehicles)
        self._batches.sort(key=lambda each: each.numbers[0])

    def concerns(self, batch: HeldBatch) -> bool:
        """Whether events of one of the batch's vehicles already wait."""
        return not self._vehicles.keys().isdisjoint(batch.vehicles)

    def release(self, waiting: Waiting) -> list[HeldBatch]:
        """Returns those of the oldest batches that need not wait any longer. `waiting` returns the events, by
        vehicle and number, before which another service has to publish one.
        """
        oldest = self._batches[:MOST_AT_ONCE]
        wait = waiting([(vehicle, batch.numbers[0]) for batch in oldest for vehicle in batch.vehicles])
        blocked = set[VehicleKey]()
        free, still = list[HeldBatch](), list[HeldBatch]()
        for batch in oldest:
            vehicles = batch.vehicles
            waits = any((vehicle, batch.numbers[0]) in wait for vehicle in vehicles)
            if waits or not blocked.isdisjoint(vehicles):
                blocked |= vehicles
                still.append(batch)
            else:
                free.append(batch)
        self._batches[:MOST_AT_ONCE] = still
        self._forget(free)
        return free

    def _forget(self, batches: Iterable[HeldBatch]) -> None:
        for batch in batches:
            self._events -= len(batch.events)
            for vehicle in batch.vehicles:
                self._vehicles[vehicle] -= 1
                if not self._vehicles[vehicle]:
                    del self._vehicles[vehicle]
