"""For a while after a conflict, services decide at the same station one after the other.

A conflict wastes a whole decided batch. At a station that everybody wants at once, most batches would be
wasted.
"""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from typing import Final

from cloud_service.core.changes import Changes

LASTING: Final = timedelta(seconds=10)
"""How long a service takes turns after a conflict or a wait. With many services, its turn comes only after
seconds.
"""


class Turns:
    """The stations at which this service was late more than once, since a single time may be chance."""

    def __init__(self) -> None:
        self._once: dict[int, datetime] = {}
        self._until: dict[int, datetime] = {}

    def late(self, batch: Iterable[Changes], now: datetime) -> None:
        """Notes that another service was first to change something that this batch changes."""
        for station in _changed(batch):
            if station in self._once:
                self._until[station] = now + LASTING
            self._once[station] = now + LASTING

    def used(
        self, turn: Iterable[int], crowded: Collection[int], batch: Iterable[Changes], now: datetime
    ) -> None:
        """Notes that a batch had its turn at these stations; at the `crowded` ones it had to wait for it.

        Where it had to wait, one of the two would have been late without turns. Where the batch has changed
        nothing, it held up others needlessly: no more turns are taken there until the next conflict.
        """
        changed = _changed(batch)
        for station in turn:
            if station not in changed:
                self._until.pop(station, None)
            elif station in crowded:
                self._until[station] = now + LASTING

    def stations(self, now: datetime) -> list[int]:
        """The stations where this service has to wait its turn before it looks at the network."""
        self._once, self._until = _later(self._once, now), _later(self._until, now)
        return sorted(self._until)


def _changed(batch: Iterable[Changes]) -> set[int]:
    """The stations at whose points a batch changes something."""
    return {point.station_id for changes in batch for point in changes.points}


def _later(moments: dict[int, datetime], now: datetime) -> dict[int, datetime]:
    return {station: until for station, until in moments.items() if until > now}
