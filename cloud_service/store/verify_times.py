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
from cloud_service.store.labels import label_of
from cloud_service.store.verify_ids import events_of, gives_id


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
                    first=label_of(before.key),
                    second=label_of(after.key),
                )


class _Life(Struct):
    """When a reservation was scheduled at a point and a time, counted in events of the journal.

    One that moves has a life before and a life after. `gave_id` says whether it got its ID with this life.
    """

    reservation: Reservation
    begun: float = -inf
    ended: float = inf
    gave_id: bool = True

    def meets(self, other: "_Life") -> bool:
        """Whether both were scheduled at some moment."""
        return self.begun < other.ended and other.begun < self.ended

    def margin(self, other: "_Life") -> timedelta:
        """The time that the two need between them; none if both are older than the journal."""
        return timedelta() if self.begun == other.begun == -inf else MARGIN


def _lives(batches: Iterable[Batch], scheduled: Iterable[Reservation]) -> Iterator[_Life]:
    remaining = {row.key: row for row in scheduled}
    lives = {key: _Life(row) for key, row in remaining.items()}
    for moment, event in enumerate(events_of(batches)):
        row, before = event.reservation, event.before
        if event.reason == "chargedOffline":
            continue  # it was never scheduled, and others may have been at its time
        if before is not None:
            life = lives.pop(before.key, _Life(before))
            life.reservation, life.ended = before, moment
            yield life
        if before is not None or event.type == "reservationScheduled":
            life = lives.get(row.key, _Life(row))
            if (life.begun, life.ended) != (-inf, inf):
                yield life  # its ID was given twice: two lives, which must not meet either
            lives[row.key] = _Life(row, begun=moment, gave_id=gives_id(event))
        elif event.type in ENDING:
            lives.setdefault(row.key, _Life(row)).ended = moment
    for key, life in lives.items():
        if life.ended == inf:
            life.reservation = remaining.get(key, life.reservation)
        yield life


def _booked_twice(lives: Iterable[_Life]) -> Iterator[Text]:
    keys: set[ReservationKey] = set()
    for life in lives:
        if life.gave_id and life.reservation.key in keys:
            yield Text(
                "{reservation} was booked twice in the journal", reservation=label_of(life.reservation.key)
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
                    first=label_of(first.reservation.key),
                    second=label_of(second.reservation.key),
                )
        scheduled.insert(at, life)


def _overlaps_of_a_vehicle(lives: Iterable[_Life]) -> Iterator[Text]:
    """Compares each with the one booked next; of two that are older than the journal, nothing is known."""
    for life, other in pairwise(sorted(lives, key=lambda life: life.begun)):
        if life.meets(other) and other.begun != -inf:
            yield Text(
                "vehicle {vehicle!r} had two reservations: {first} and {second}",
                vehicle=life.reservation.vehicle_id,
                first=label_of(life.reservation.key),
                second=label_of(other.reservation.key),
            )
