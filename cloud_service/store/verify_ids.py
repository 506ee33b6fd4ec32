"""Checks that no ID was given twice, and that none would be given again."""

from collections.abc import Iterable, Iterator, Sequence

from cloud_service.core.changes import Event
from cloud_service.core.network import Tables
from cloud_service.core.records import ReservationKey
from cloud_service.store.journal import Batch


def find_reused_ids(
    tables: Tables, batches: Sequence[Batch], history: Sequence[ReservationKey]
) -> Iterator[str]:
    """A text for each ID that was, or would be, given twice.

    `batches` are those of the journal, `history` the reservations that ended before them.
    """
    yield from _ended_twice(history)
    yield from _against_the_tables(tables, history)
    yield from _booked_again(batches, history)
    yield from _stations_given_again(tables, batches, history)


def events_of(batches: Iterable[Batch]) -> Iterator[Event]:
    """All events of the batches, in their order."""
    return (event for batch in batches for changes in batch.changes for event in changes.events)


def name_of(key: ReservationKey) -> str:
    """A reservation as a report names it."""
    station_id, point_id, reservation_id = key
    return f"reservation {reservation_id} on point {point_id} of station {station_id}"


def _ended_twice(history: Iterable[ReservationKey]) -> Iterator[str]:
    ended: set[ReservationKey] = set()
    for key in history:
        if key in ended:
            yield f"{name_of(key)} has ended twice: its ID was given twice"
        ended.add(key)


def _against_the_tables(tables: Tables, history: Iterable[ReservationKey]) -> Iterator[str]:
    for key in history:
        station_id, point_id, reservation_id = key
        if key in tables.reservations:
            yield f"{name_of(key)} has ended and is scheduled: its ID was given twice"
        point = tables.points.get((station_id, point_id))
        if point is not None and point.last_reservation_id < reservation_id:
            yield f"{name_of(key)} has ended, and its ID would be given again"
        station = tables.stations.get(station_id)
        if station is not None and station.last_point_id < point_id:
            name = f"point {point_id} of station {station_id}"
            yield f"{name} had a reservation, and its ID would be given again"


def _booked_again(batches: Iterable[Batch], history: Iterable[ReservationKey]) -> Iterator[str]:
    """Bookings in the journal are younger than the history, so their IDs must not be in it."""
    ended = set(history)
    for event in events_of(batches):
        if event.type == "reservationScheduled" and event.reservation.key in ended:
            yield f"{name_of(event.reservation.key)} has ended and is booked again: its ID was given twice"


def _stations_given_again(
    tables: Tables, batches: Iterable[Batch], history: Iterable[ReservationKey]
) -> Iterator[str]:
    """Stations that only history and journal name. The IDs of the records are counted at every start."""
    named = {station_id for station_id, _, _ in history}
    for batch in batches:
        for changes in batch.changes:
            named.update(event.reservation.station_id for event in changes.events)
            named.update(station.station_id for station in changes.stations)
    for station_id in sorted(named):
        if station_id > tables.last_station_id:
            yield f"station {station_id} existed, and its ID would be given again"
