"""The scheduled reservations that are known, and how many are under way or begin soon. Pure.

Events announce each reservation that is made, changes or ends, but not those made earlier, nor those of
clients without accounts. Retained state has the length of each queue: if that differs from what is known, the
service's list has to be read.
"""

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from cloud_service.overview.records import Event, Reservation

PointKey: TypeAlias = tuple[int, int]
"""Station ID, point ID."""
_Times: TypeAlias = tuple[float, float]

SOON: Final = timedelta(hours=6)
_SCHEDULED: Final = frozenset({"reservationScheduled", "reservationChanged"})
_ENDED: Final = frozenset({"reservationCancelled", "reservationFinished", "reservationNoShow"})


class Reservations:
    """Knows when each reservation starts and ends. Counting takes logarithmic time."""

    def __init__(self) -> None:
        self.are_known = False
        """Whether all differing lists have been read once: until then, the counts are too low."""
        self._lengths: dict[PointKey, int] = {}
        self._queues: dict[int, dict[int, dict[int, _Times]]] = {}
        """Station ID, point ID, reservation ID."""
        self._differing: dict[int, set[int]] = {}
        self._doubted: dict[int, None] = {}
        self._starts: list[float] = []
        self._finishes: list[float] = []

    def __len__(self) -> int:
        return len(self._starts)

    def under_way(self, now: datetime) -> int | None:
        """How many have started and not ended; None before that is known."""
        moment = now.timestamp()
        started, ended = bisect_right(self._starts, moment), bisect_right(self._finishes, moment)
        return started - ended if self.are_known else None

    def starting_soon(self, now: datetime) -> int | None:
        """How many start within SOON; None before that is known."""
        first, last = (bisect_right(self._starts, moment.timestamp()) for moment in (now, now + SOON))
        return last - first if self.are_known else None

    def unread(self) -> list[int]:
        """The stations with a queue whose length differs from what is known, or that is in doubt."""
        return list({**self._doubted, **dict.fromkeys(self._differing)})

    # Messages

    def receive_length(self, point: PointKey, length: int) -> None:
        """The length of a point's queue, as of its state; 0 once the point is gone."""
        if length:
            self._lengths[point] = length
        else:
            self._lengths.pop(point, None)
            self._forget(*point)
        self._compare(*point)

    def receive_event(self, event: Event) -> None:
        """Takes an event. An event of an unknown type changes nothing."""
        if event.before is not None:
            self._remove(event.before)
        if event.type in _SCHEDULED:
            self._put(event.reservation)
        elif event.type in _ENDED:
            self._remove(event.reservation)

    def receive_list(self, station: int, listed: Iterable[Reservation]) -> None:
        """All reservations of a station, as the service lists them."""
        self._doubted.pop(station, None)
        for point in list(self._queues.get(station, ())):
            self._forget(station, point)
        for reservation in listed:
            self._put(reservation)
        for point in list(self._differing.get(station, ())):
            self._compare(station, point)

    def give_up(self, station: int) -> None:
        """The service does not list this station's reservations."""
        for point in list(self._queues.get(station, ())):
            self._forget(station, point)
        self._differing.pop(station, None)
        self._doubted.pop(station, None)

    def doubt(self) -> None:
        """Events may have been missed, so every queue has to be read again."""
        self._doubted = dict.fromkeys([*self._queues, *(station for station, _ in self._lengths)])

    # The times that are known

    def _put(self, reservation: Reservation) -> None:
        self._remove(reservation)
        times = reservation.start.timestamp(), reservation.finish.timestamp()
        queue = self._queues.setdefault(reservation.station, {}).setdefault(reservation.point, {})
        queue[reservation.number] = times
        insort(self._starts, times[0])
        insort(self._finishes, times[1])
        self._compare(reservation.station, reservation.point)

    def _remove(self, reservation: Reservation) -> None:
        queue = self._queues.get(reservation.station, {}).get(reservation.point, {})
        times = queue.pop(reservation.number, None)
        if times is not None:
            self._uncount(times)
            self._compare(reservation.station, reservation.point)

    def _forget(self, station: int, point: int) -> None:
        points = self._queues.get(station, {})
        for times in points.pop(point, {}).values():
            self._uncount(times)
        if not points:
            self._queues.pop(station, None)

    def _uncount(self, times: _Times) -> None:
        for moments, moment in zip((self._starts, self._finishes), times, strict=True):
            del moments[bisect_left(moments, moment)]

    def _compare(self, station: int, point: int) -> None:
        known = len(self._queues.get(station, {}).get(point, ()))
        if known != self._lengths.get((station, point), 0):
            self._differing.setdefault(station, set()).add(point)
            return
        points = self._differing.get(station, set())
        points.discard(point)
        if not points:
            self._differing.pop(station, None)
