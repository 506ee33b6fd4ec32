"""Which flexible reservations wait near a place for something earlier."""

from collections.abc import Iterator
from itertools import count

from cloud_service.core.nearest import NearestIndex
from cloud_service.core.numbers import Number
from cloud_service.core.records import Reservation, ReservationKey


class FlexibleReservations:
    """The keys of flexible reservations, by the place of the vehicle when it booked."""

    def __init__(self) -> None:
        self._index = NearestIndex()
        self._numbers: dict[ReservationKey, int] = {}
        self._keys: dict[int, ReservationKey] = {}
        self._next_number = count()

    def __len__(self) -> int:
        return len(self._keys)

    def put(self, reservation: Reservation) -> None:
        """Adds a reservation; one without a place, which old files may have, is never looked for."""
        self.discard(reservation)
        if reservation.need is not None:
            number = next(self._next_number)
            self._numbers[reservation.key], self._keys[number] = number, reservation.key
            self._index.put(number, reservation.need.x, reservation.need.y)

    def discard(self, reservation: Reservation) -> None:
        """Removes a reservation, if it is there."""
        number = self._numbers.pop(reservation.key, None) if self._numbers else None
        if number is not None:
            del self._keys[number]
            self._index.discard(number)

    def by_distance(self, x: Number, y: Number) -> Iterator[ReservationKey]:
        """Yields the keys from the nearest place on."""
        return map(self._keys.__getitem__, self._index.by_distance(x, y))
