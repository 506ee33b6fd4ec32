"""Tables with many reservations, for what the passing of time costs."""

from datetime import timedelta
from itertools import count

from msgspec.structs import replace

from cloud_service.core.records import Reservation
from cloud_service.core.sessions import Session
from cloud_service.core.tables import Tables
from cloud_service.core.wishes import Booked, Need, Wishes
from tests.kit.records import NOW, minutes, point, reservation, station

HOUR, MARGIN = minutes(60), minutes(5)


class Crowd:
    """Stations in a row with a point each, and reservations of 10 kWh by vehicles west of the first."""

    def __init__(self, stations: int) -> None:
        self.tables = Tables(last_station_id=stations)
        self._numbers = count(1)
        for number in range(1, stations + 1):
            self.tables.stations[number] = station(number, number, 0, last_point_id=1)
            self.tables.points[number, 1] = point(number, 1)

    def book(
        self, at: int, after: timedelta, lasting: timedelta = HOUR, *, flexible: bool = False
    ) -> Reservation:
        """A reservation at a station, starting this long after NOW."""
        number, start = next(self._numbers), NOW + after
        place = self.tables.points[at, 1]
        row = replace(
            reservation(place.last_reservation_id + 1, start, start + lasting, f"v{number}", place.key),
            price=10.0,
            need=Need(0, 0, 50, 20),
            wishes=Wishes(objective="earliest", flexible=flexible),
            booked=Booked(NOW, number),
        )
        self.tables.points[place.key] = replace(
            place, last_reservation_id=row.reservation_id, availability="reservado"
        )
        self.tables.reservations[row.key] = row
        return row

    def charge(self, row: Reservation) -> None:
        """A session has begun this reservation."""
        active = replace(row, state="active")
        place = self.tables.points[row.point_key]
        self.tables.reservations[row.key] = active
        self.tables.points[row.point_key] = replace(place, availability="ocupado", tells_sessions=True)
        self.tables.sessions[row.point_key] = Session(
            *row.point_key, row.start, row.finish, row.finish, row.start, row.key, row.vehicle
        )
