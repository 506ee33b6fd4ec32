"""The queue of a charging point: its scheduled reservations by time, and the gaps between them."""

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from operator import attrgetter
from typing import Final

from cloud_service.core.records import Reservation

MARGIN: Final = timedelta(minutes=5)
"""The five-minute rule (docs/mqtt.md, Vehicles): "A charge starts at least five minutes from now, and at
least five minutes lie between two reservations of a point."
"""

_SHORTEST_GAP: Final = MARGIN + MARGIN

_start = attrgetter("start")


class Queue:
    """Scheduled reservations of one point, ordered by start.

    It also keeps the gaps that a charge could fit into. Bookings that follow one another closely leave none,
    so searching a long queue takes no longer than searching a short one.
    """

    __slots__ = ("_first_start", "_gaps", "_reservations", "free_from")

    def __init__(self) -> None:
        self._reservations: list[Reservation] = []
        self._gaps: list[tuple[datetime, datetime]] | None = None
        """None where there are none, as in most queues: an empty list would take as much as the queue."""
        self._first_start: datetime | None = None
        self.free_from: datetime | None = None
        """When the last scheduled reservation ends; None if there is none."""

    def __len__(self) -> int:
        return len(self._reservations)

    def __iter__(self) -> Iterator[Reservation]:
        return iter(self._reservations)

    @property
    def first(self) -> Reservation | None:
        """The earliest."""
        return self._reservations[0] if self._reservations else None

    @property
    def first_reserved(self) -> Reservation | None:
        """The earliest whose charge has not begun."""
        return next((each for each in self._reservations if each.state == "reserved"), None)

    def earliest_start(self, opens: datetime, duration: timedelta) -> datetime:
        """Returns the first moment from `opens` on at which a charge of this duration can start."""
        if self._first_start is None or self.free_from is None:
            return opens
        if opens + duration + MARGIN <= self._first_start:
            return opens
        for finish, closes in self._gaps or ():
            start = max(opens, finish + MARGIN)
            if start + duration + MARGIN <= closes:
                return start
        return max(opens, self.free_from + MARGIN)

    def earliest_start_without(
        self, reservation: Reservation, opens: datetime, duration: timedelta
    ) -> datetime:
        """Returns the same as if this reservation of the queue were not there."""
        self.remove(reservation)
        try:
            return self.earliest_start(opens, duration)
        finally:
            self.add(reservation)

    def from_start(self, moment: datetime) -> Iterator[Reservation]:
        """Yields the reservations that start at this moment or later."""
        return iter(self._reservations[bisect_left(self._reservations, moment, key=_start) :])

    def add(self, reservation: Reservation) -> None:
        """Adds a reservation."""
        if self.free_from is None:
            self._reservations.append(reservation)
        elif reservation.start >= self.free_from:  # most come last
            self._open(self.free_from, reservation.start)
            self._reservations.append(reservation)
        else:
            self._add_between(reservation)
        self._note_ends()

    def _add_between(self, reservation: Reservation) -> None:
        insort(self._reservations, reservation, key=_start)
        at = bisect_left(self._reservations, reservation.start, key=_start)
        before = self._reservations[at - 1] if at else None
        after = self._reservations[at + 1] if at + 1 < len(self._reservations) else None
        if before and after:
            self._close(before.finish, after.start)
        if before:
            self._open(before.finish, reservation.start)
        if after:
            self._open(reservation.finish, after.start)

    def add_all(self, reservations: Iterable[Reservation]) -> None:
        """Adds reservations. An empty queue takes many at once, in a fraction of the time."""
        if self._reservations:
            for reservation in reservations:
                self.add(reservation)
            return
        self._reservations = sorted(reservations, key=_start)
        self._note_ends()
        if len(self._reservations) == 1:  # in most queues of a large network
            return
        between = ((before.finish, after.start) for before, after in pairwise(self._reservations))
        self._gaps = sorted(gap for gap in between if gap[1] - gap[0] >= _SHORTEST_GAP) or None

    def remove(self, reservation: Reservation) -> None:
        """Removes a reservation. Raises ValueError if it is not in the queue."""
        at = self._reservations.index(
            reservation, bisect_left(self._reservations, reservation.start, key=_start)
        )
        del self._reservations[at]
        before = self._reservations[at - 1] if at else None
        after = self._reservations[at] if at < len(self._reservations) else None
        if before:
            self._close(before.finish, reservation.start)
        if after:
            self._close(reservation.finish, after.start)
        if before and after:
            self._open(before.finish, after.start)
        self._note_ends()

    def _note_ends(self) -> None:
        """Notes what every search needs: to look it up in the reservations would take twice as long."""
        if self._reservations:
            self._first_start, self.free_from = self._reservations[0].start, self._reservations[-1].finish
        else:
            self._first_start = self.free_from = None

    def _open(self, opens: datetime, closes: datetime) -> None:
        if closes - opens < _SHORTEST_GAP:
            return
        if self._gaps is None:
            self._gaps = []
        insort(self._gaps, (opens, closes))

    def _close(self, opens: datetime, closes: datetime) -> None:
        if self._gaps is None:
            return
        at = bisect_left(self._gaps, (opens, closes))
        if at < len(self._gaps) and self._gaps[at] == (opens, closes):
            del self._gaps[at]
            self._gaps = self._gaps or None
