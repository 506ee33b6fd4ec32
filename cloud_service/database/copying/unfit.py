"""What a data folder may hold from the old server, but a database refuses."""

from collections.abc import Iterator

from cloud_service.core.queue import MARGIN
from cloud_service.core.records import PointKey, Reservation, VehicleKey
from cloud_service.core.tables import Tables
from cloud_service.language.text import Text
from cloud_service.store.labels import label_of


def find_unfit(tables: Tables) -> Iterator[Text]:
    """A text for each pair of reservations that the database would refuse."""
    before: dict[PointKey, Reservation] = {}
    vehicles: dict[VehicleKey, Reservation] = {}
    for each in sorted(tables.reservations.values(), key=lambda row: (row.start, row.key)):
        other = before.get(each.point_key)
        if other is not None and each.start < other.finish + MARGIN:
            yield Text(
                "{first} and {second} are less than five minutes apart",
                first=label_of(other.key),
                second=label_of(each.key),
            )
        before[each.point_key] = each
        other = vehicles.setdefault(each.vehicle, each)
        if other is not each:
            yield Text(
                "{first} and {second} are of the same vehicle",
                first=label_of(other.key),
                second=label_of(each.key),
            )
