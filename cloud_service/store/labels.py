"""How the log and reports name points and reservations."""

from cloud_service.core.records import PointKey, ReservationKey
from cloud_service.language.text import Text


def label_of_point(key: PointKey) -> Text:
    """A point, for people."""
    station_id, point_id = key
    return Text("point {point} of station {station}", point=point_id, station=station_id)


def label_of(key: ReservationKey) -> Text:
    """A reservation, for people."""
    station_id, point_id, reservation_id = key
    return Text(
        "reservation {reservation} on point {point} of station {station}",
        reservation=reservation_id,
        point=point_id,
        station=station_id,
    )
