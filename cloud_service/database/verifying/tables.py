"""Checks that the records of a network fit together in all that only the database guarantees."""

from collections.abc import Iterator

from cloud_service.core.tables import Tables
from cloud_service.database.copying.unfit import find_unfit
from cloud_service.language.text import Text
from cloud_service.store.contradictions import resolve_contradictions
from cloud_service.store.labels import label_of, label_of_point


def find_misfits(tables: Tables) -> Iterator[Text]:
    """A text for each record that contradicts another one."""
    yield from _without_their_place(tables)
    yield from find_unfit(tables)
    yield from resolve_contradictions(tables.snapshot())
    yield from _beyond_the_largest(tables)


def _without_their_place(tables: Tables) -> Iterator[Text]:
    for key in sorted(tables.points):
        if key[0] not in tables.stations:
            yield Text("{point}: its station does not exist", point=label_of_point(key))
    for reservation in sorted(tables.reservations):
        if reservation[:2] not in tables.points:
            yield Text("{reservation}: its point does not exist", reservation=label_of(reservation))


def _beyond_the_largest(tables: Tables) -> Iterator[Text]:
    """IDs that are larger than the largest ever given: they would be given again."""
    for station_id in sorted(tables.stations):
        if station_id > tables.last_station_id:
            yield Text("the ID of station {station} would be given again", station=station_id)
    for key, point in sorted(tables.points.items()):
        station = tables.stations.get(point.station_id)
        if station is not None and point.point_id > station.last_point_id:
            yield Text("the ID of {point} would be given again", point=label_of_point(key))
    for reservation, row in sorted(tables.reservations.items()):
        of_point = tables.points.get(row.point_key)
        if of_point is not None and row.reservation_id > of_point.last_reservation_id:
            yield Text("the ID of {reservation} would be given again", reservation=label_of(reservation))
