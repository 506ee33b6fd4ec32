"""Checks that reservations did not overlap on a point or for a vehicle while they were scheduled."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import timedelta
from itertools import pairwise
from math import inf

from msgspec import Struct

from cloud_service.core.changes import ENDING
from cloud_service.core.queue import MARGIN
from cloud_service.core.records import PointKey, Reservation, ReservationKey, VehicleKey
from cloud_service.language.text import Text
from cloud_service.store.journal import Batch
from cloud_service.store.verify_ids import events_of, name_of


def find_overlaps(batches: Iterable[Batch], scheduled: Iterable[Reservation]) -> Iterator[Text]:
    """A text for each pair of reservations that must not have been scheduled at the same moment.

    `batches` are those of the journal, `scheduled` the reservations after them. Bookings in the journal need
    the margin of the contract between them; the old server's reservations need none.
    """
    lives = list(_lives(batches, scheduled))
    yield from _booked_twice(lives)
    points: dict[PointKey, list[_Life]] = {}
    vehicles: dict[VehicleKey, list[_Life]] = {}
    for life in lives:
        points.setdefault(life.reservation.point_key, []).append(life)
        vehicles.setdefault(life.reservation.vehicle, []).append(life)
    for queue in points.values():
        yield from _overlaps_on_a_point(queue)
    for own in vehicles.values():
        yield from _overlaps_of_a_vehicle(own)


def find_close_reservations(scheduled: Iterable[Reservation]) -> Iterator[Text]:
    """A text for each pair on a point with less than the margin between them, as old files may have."""
    queues: dict[PointKey, list[Reservation]] = {}
    for row in sorted(scheduled, key=lambda row: row.start):
        queues.setdefault(row.point_key, []).append(row)
    for queue in queues.values():
        for before, after in pairwise(queue):
            if before.finish <= after.start < before.finish + MARGIN:
                yield Text(
                    "{first} and {second} are less than five minutes apart",
                    first=name_of(before.key),
                    second=name_of(after.key),
                )


class _Life(Struct):
    """When a reservation was scheduled, counted in events of the journal."""

    reservation: Reservation
    begun: float = -inf
    ended: float = inf

    def meets(self, other: "_Life") -> bool:
        """Whether both were scheduled at some moment."""
        return self.begun < other.ended and other.begun < self.ended

    def margin(self, other: "_Life") -> timedelta:
        """The time that the two need between them; none if both are older than the journal."""
        return timedelta() if self.begun == other.begun == -inf else MARGIN


def _lives(batches: Iterable[Batch], scheduled: Iterable[Reservation]) -> Iterator[_Life]:
    lives = {row.key: _Life(row) for row in scheduled}
    for moment, event in enumerate(events_of(batches)):
        life = lives.setdefault(event.reservation.key, _Life(event.reservation))
        if event.type == "reservationScheduled":
            if life.begun != -inf:
                yield life  # its ID was given twice: two lives, which must not meet either
                life = lives[event.reservation.key] = _Life(event.reservation)
            life.begun = moment
        elif event.type in ENDING:
            life.ended = moment
    yield from lives.values()


def _booked_twice(lives: Iterable[_Life]) -> Iterator[Text]:
    keys: set[ReservationKey] = set()
    for life in lives:
        if life.reservation.key in keys:
            yield Text(
                "{reservation} was booked twice in the journal", reservation=name_of(life.reservation.key)
            )
        keys.add(life.reservation.key)


def _overlaps_on_a_point(queue: Iterable[_Life]) -> Iterator[Text]:
    """Compares each with its neighbours in time among those scheduled when it was booked."""
    scheduled: list[_Life] = []
    for life in sorted(queue, key=lambda life: life.begun):
        if life.begun != -inf:
            scheduled = [other for other in scheduled if other.ended > life.begun]
        at = bisect_left(scheduled, life.reservation.start, key=lambda other: other.reservation.start)
        for other in scheduled[max(0, at - 1) : at + 1]:
            first, second = sorted((other, life), key=lambda either: either.reservation.start)
            if second.reservation.start < first.reservation.finish + life.margin(other):
                yield Text(
                    "{first} overlaps {second}",
                    first=name_of(first.reservation.key),
                    second=name_of(second.reservation.key),
                )
        scheduled.insert(at, life)


def _overlaps_of_a_vehicle(lives: Iterable[_Life]) -> Iterator[Text]:
    """Compares each with the one booked next; of two that are older than the journal, nothing is known."""
    for life, other in pairwise(sorted(lives, key=lambda life: life.begun)):
        if life.meets(other) and other.begun != -inf:
            yield Text(
                "vehicle {vehicle!r} had two reservations: {first} and {second}",
                vehicle=life.reservation.vehicle_id,
                first=name_of(life.reservation.key),
                second=name_of(other.reservation.key),
            )
