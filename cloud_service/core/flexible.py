"""Which flexible reservations wait near a place for something earlier."""

from itertools import islice

from cloud_service.core.nearest import NearestIndex
from cloud_service.core.numbers import Number
from cloud_service.core.records import Reservation, ReservationKey


class FlexibleReservations:
    """The keys of flexible reservations, by their bookings' numbers and by the place of the vehicle."""

    def __init__(self) -> None:
        self._index = NearestIndex()
        self._keys: dict[int, ReservationKey] = {}

    def __len__(self) -> int:
        return len(self._keys)

    def put(self, reservation: Reservation) -> None:
        """Adds a reservation; one without a place, which old files may have, is never looked for."""
        if reservation.need is not None and reservation.booked is not None:
            number = reservation.booked.number
            self._keys[number] = reservation.key
            self._index.put(number, reservation.need.x, reservation.need.y)

    def discard(self, reservation: Reservation) -> None:
        """Removes a reservation, if it is there."""
        if self._keys and reservation.booked is not None:
            number = reservation.booked.number
            if self._keys.get(number) == reservation.key:
                del self._keys[number]
                self._index.discard(number)

    def near(self, x: Number, y: Number, most: int) -> list[ReservationKey]:
        """Returns the keys of those nearest to a place, in the order of their bookings."""
        if len(self._keys) <= most:
            numbers = sorted(self._keys)
        else:
            numbers = sorted(islice(self._index.by_distance(x, y), most))
        return [self._keys[number] for number in numbers]
