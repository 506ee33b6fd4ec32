"""Checks that no ID was given twice, and that none would be given again."""

from collections.abc import Iterable, Iterator, Sequence

from cloud_service.core.changes import Event
from cloud_service.core.records import ReservationKey
from cloud_service.core.tables import Tables
from cloud_service.language.text import Text
from cloud_service.store.journal import Batch
from cloud_service.store.labels import label_of


def find_reused_ids(
    tables: Tables, batches: Sequence[Batch], history: Sequence[ReservationKey]
) -> Iterator[Text]:
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


def _ended_twice(history: Iterable[ReservationKey]) -> Iterator[Text]:
    ended: set[ReservationKey] = set()
    for key in history:
        if key in ended:
            yield Text("{reservation} has ended twice: its ID was given twice", reservation=label_of(key))
        ended.add(key)


def _against_the_tables(tables: Tables, history: Iterable[ReservationKey]) -> Iterator[Text]:
    for key in history:
        station_id, point_id, reservation_id = key
        if key in tables.reservations:
            yield Text(
                "{reservation} has ended and is scheduled: its ID was given twice", reservation=label_of(key)
            )
        point = tables.points.get((station_id, point_id))
        if point is not None and point.last_reservation_id < reservation_id:
            yield Text("{reservation} has ended, and its ID would be given again", reservation=label_of(key))
        station = tables.stations.get(station_id)
        if station is not None and station.last_point_id < point_id:
            yield Text(
                "point {point} of station {station} had a reservation, and its ID would be given again",
                point=point_id,
                station=station_id,
            )


def _booked_again(batches: Iterable[Batch], history: Iterable[ReservationKey]) -> Iterator[Text]:
    """Bookings in the journal are younger than the history, so their IDs must not be in it."""
    ended = set(history)
    for event in events_of(batches):
        if gives_id(event) and event.reservation.key in ended:
            yield Text(
                "{reservation} has ended and is booked again: its ID was given twice",
                reservation=label_of(event.reservation.key),
            )


def gives_id(event: Event) -> bool:
    """Whether a reservation has a new ID since this event: it was booked, or has moved to another point."""
    if event.before is not None:
        return event.before.key != event.reservation.key
    return event.type == "reservationScheduled"


def _stations_given_again(
    tables: Tables, batches: Iterable[Batch], history: Iterable[ReservationKey]
) -> Iterator[Text]:
    """Stations that only history and journal name. The IDs of the records are counted at every start."""
    named = {station_id for station_id, _, _ in history}
    for batch in batches:
        for changes in batch.changes:
            named.update(event.reservation.station_id for event in changes.events)
            named.update(station.station_id for station in changes.stations)
    for station_id in sorted(named):
        if station_id > tables.last_station_id:
            yield Text("station {station} existed, and its ID would be given again", station=station_id)
