"""What can be checked of a data folder from its files alone."""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta, tzinfo
from itertools import pairwise
from math import inf
from typing import Any

import msgspec
from msgspec import Struct, field

from cloud_service.core.changes import ENDING, Event
from cloud_service.core.network import Tables
from cloud_service.core.queue import MARGIN
from cloud_service.core.records import PointKey, Reservation, ReservationKey, VehicleKey
from cloud_service.store.checkpoint import read_checkpoint
from cloud_service.store.errors import DamagedStore
from cloud_service.store.filesystem import Folder
from cloud_service.store.journal import RESTORE, Batch
from cloud_service.store.recovery import Found, describe_torn, journal_of, read_folder


class Report(Struct):
    """What was found. The folder is sound where there are no findings; notes are worth knowing only."""

    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tables: Tables = field(default_factory=Tables)
    sequence: int = 0
    """The last batch."""
    lines: int = 0
    """Batches that are in the journal only."""
    remembered: int = 0
    """Requests whose IDs are remembered."""
    ended: int = 0
    """Reservations in the history."""
    readable: bool = True
    """False where the service would not start on the folder: nothing was counted then."""


def unreadable(damage: DamagedStore) -> Report:
    """Of a folder on which the service would not start."""
    return Report(findings=[str(damage)], readable=False)


def examine(folder: Folder, zone: tzinfo | None, now: datetime) -> Report:
    """Reads a folder as the service would, and looks whether what it holds fits together.

    Dates without an offset are in the zone given, by default the machine's.
    """
    try:
        batches = list(_batches(folder))
        # What is scheduled is what was so when the last batch was written.
        moment = batches[-1].at if batches else read_checkpoint(folder).at or now
        found = read_folder(folder, zone, moment)
        history = list(_history(folder, found.sizes))
    except DamagedStore as damage:
        return unreadable(damage)
    report = Report()
    report.tables, report.sequence = found.recovered.tables, found.mark.sequence
    report.lines, report.remembered = len(batches), len(found.recovered.remembered)
    report.ended = len(history)
    scheduled = report.tables.reservations
    report.findings += [f"{row.file}: {row.reason}: {row.record}" for row in found.set_aside]
    report.findings += _cut_short(folder, found.sizes)
    report.findings += _given_twice(report.tables, history)
    report.findings += _given_again(batches, history)
    report.findings += _stations_given_again(report.tables, batches, history)
    report.findings += _met(list(_lives(batches, scheduled.values())))
    report.notes += _close(row for row in scheduled.values() if row.finish > moment)
    report.notes += _torn(found)
    report.notes += _taken_away(folder, found.sizes)
    return report


def _batches(folder: Folder) -> Iterator[Batch]:
    for _, _, scan in journal_of(folder, read_checkpoint(folder)):
        yield from scan.batches()


def _history(folder: Folder, sizes: dict[str, int]) -> Iterator[ReservationKey]:
    """The reservations that have ended, as far as the checkpoint counts the history."""
    for name in sorted(sizes.keys() & set(folder.names())):
        for number, line in enumerate(folder.read(name)[: sizes[name]].splitlines(), 1):
            try:
                row: dict[str, Any] = msgspec.json.decode(line)["reservation"]
                yield row["chargingStationID"], row["chargingPointID"], row["reservationID"]
            except (msgspec.MsgspecError, ValueError, KeyError, TypeError) as error:
                problem = f"line {number} is not what the service wrote: {error}"
                raise DamagedStore(folder.where(name), None, problem, RESTORE) from None


def _cut_short(folder: Folder, sizes: dict[str, int]) -> Iterator[str]:
    """What the checkpoint counts was on disk before it: a history only gets shorter by damage."""
    for name in sorted(sizes.keys() & set(folder.names())):
        size = len(folder.read(name))
        if size < sizes[name]:
            yield (
                f"{folder.where(name)} has {size} bytes, and the checkpoint counts {sizes[name]}:"
                f" reservations that ended are missing. {RESTORE}"
            )


def _taken_away(folder: Folder, sizes: dict[str, int]) -> Iterator[str]:
    """Operators may take old months away."""
    for name in sorted(sizes.keys() - set(folder.names())):
        yield f"{folder.where(name)} is not here: what ended in that month was not looked at"


def _given_twice(tables: Tables, history: list[ReservationKey]) -> Iterator[str]:
    """An ID is never given twice: what has ended stands in the history once, and nowhere else."""
    ended: set[ReservationKey] = set()
    for key in history:
        if key in ended:
            yield f"{_name(key)} has ended twice: its ID was given twice"
        ended.add(key)
        if key in tables.reservations:
            yield f"{_name(key)} has ended and is scheduled: its ID was given twice"
        point = tables.points.get(key[:2])
        if point is not None and point.last_reservation_id < key[2]:
            yield f"{_name(key)} has ended, and its ID would be given again"
        station = tables.stations.get(key[0])
        if station is not None and station.last_point_id < key[1]:
            yield f"point {key[1]} of station {key[0]} had a reservation, and its ID would be given again"


def _given_again(batches: list[Batch], history: list[ReservationKey]) -> Iterator[str]:
    """What the journal books has not ended before: its lines are younger than the history."""
    ended = set(history)
    for event in _events(batches):
        if event.type == "reservationScheduled" and event.reservation.key in ended:
            yield f"{_name(event.reservation.key)} has ended and is booked again: its ID was given twice"


def _stations_given_again(
    tables: Tables, batches: list[Batch], history: list[ReservationKey]
) -> Iterator[str]:
    """Whatever names a station, its ID was given; the records' own are counted at every start."""
    named = {key[0] for key in history}
    named |= {event.reservation.station_id for event in _events(batches)}
    named |= {row.station_id for batch in batches for changes in batch.changes for row in changes.stations}
    for station_id in sorted(named):
        if station_id > tables.last_station_id:
            yield f"station {station_id} was there, and its ID would be given again"


def _events(batches: Iterable[Batch]) -> Iterator[Event]:
    return (event for batch in batches for changes in batch.changes for event in changes.events)


class _Life(Struct):
    """A reservation from the event that began it to the one that ended it, as far as the journal tells."""

    reservation: Reservation
    begun: float = -inf
    ended: float = inf

    def meets(self, other: "_Life") -> bool:
        """Whether both were scheduled at some moment."""
        return self.begun < other.ended and other.begun < self.ended

    def margin(self, other: "_Life") -> timedelta:
        """Old files know no five minutes; bookings in the journal do."""
        return timedelta() if self.begun == other.begun == -inf else MARGIN


def _lives(batches: Iterable[Batch], scheduled: Iterable[Reservation]) -> Iterator[_Life]:
    lives = {row.key: _Life(row) for row in scheduled}
    for moment, event in enumerate(_events(batches)):
        life = lives.setdefault(event.reservation.key, _Life(event.reservation))
        if event.type == "reservationScheduled":
            if life.begun != -inf:
                yield life  # its ID was given twice: two lives, which must not meet either
                life = lives[event.reservation.key] = _Life(event.reservation)
            life.begun = moment
        elif event.type in ENDING:
            life.ended = moment
    yield from lives.values()


def _met(lives: list[_Life]) -> Iterator[str]:
    """Reservations that overlapped on their point, or were the same vehicle's, while both were scheduled."""
    points: dict[PointKey, list[_Life]] = {}
    vehicles: dict[VehicleKey, list[_Life]] = {}
    keys: set[ReservationKey] = set()
    for life in lives:
        points.setdefault(life.reservation.point_key, []).append(life)
        vehicles.setdefault(life.reservation.vehicle, []).append(life)
        if life.reservation.key in keys:
            yield f"{_name(life.reservation.key)} was booked twice in the journal"
        keys.add(life.reservation.key)
    for queue in points.values():
        yield from _overlaps(queue)
    for own in vehicles.values():
        own.sort(key=lambda life: life.begun)
        for life, other in pairwise(own):
            if life.meets(other) and other.begun != -inf:
                names = f"{_name(life.reservation.key)} and {_name(other.reservation.key)}"
                yield f"vehicle {life.reservation.vehicle_id!r} had two reservations: {names}"


def _overlaps(queue: list[_Life]) -> Iterator[str]:
    """Each is compared with its neighbours in time among those that were scheduled when it was booked."""
    scheduled: list[_Life] = []
    for life in sorted(queue, key=lambda life: life.begun):
        if life.begun != -inf:
            scheduled = [other for other in scheduled if other.ended > life.begun]
        at = bisect_left(scheduled, life.reservation.start, key=lambda other: other.reservation.start)
        for other in scheduled[max(0, at - 1) : at + 1]:
            margin = life.margin(other)
            first, second = sorted((other, life), key=lambda either: either.reservation.start)
            if second.reservation.start < first.reservation.finish + margin:
                yield f"{_name(first.reservation.key)} overlaps {_name(second.reservation.key)}"
        scheduled.insert(at, life)


def _close(scheduled: Iterable[Reservation]) -> Iterator[str]:
    queues: dict[PointKey, list[Reservation]] = {}
    for row in sorted(scheduled, key=lambda row: row.start):
        queues.setdefault(row.point_key, []).append(row)
    for queue in queues.values():
        for before, after in pairwise(queue):
            if before.finish <= after.start < before.finish + MARGIN:
                yield f"{_name(before.key)} and {_name(after.key)} are less than five minutes apart"


def _torn(found: Found) -> Iterator[str]:
    for _, scan in found.segments:
        torn = scan.data[scan.end :]
        if torn:
            yield f"{scan.where}, byte {scan.end}: {describe_torn(torn)}; the next start sets it aside"


def _name(key: ReservationKey) -> str:
    station_id, point_id, reservation_id = key
    return f"reservation {reservation_id} on point {point_id} of station {station_id}"
