"""Which stations are at a location."""

from typing import TypeAlias

from cloud_service.core.numbers import Number

Location: TypeAlias = tuple[Number, Number]


class StationLocations:
    """The IDs of stations by location. Only old files have several at one: otherwise the ID is kept alone."""

    def __init__(self) -> None:
        self._first: dict[Location, int] = {}
        self._others: dict[Location, list[int]] = {}

    def add(self, location: Location, station_id: int) -> None:
        """Adds a station, which must not be there."""
        if self._first.setdefault(location, station_id) != station_id:
            self._others.setdefault(location, []).append(station_id)

    def remove(self, location: Location, station_id: int) -> None:
        """Removes a station, which must be there."""
        others = self._others.get(location)
        if others is None:
            del self._first[location]
            return
        if self._first[location] == station_id:
            self._first[location] = others.pop()
        else:
            others.remove(station_id)
        if not others:
            del self._others[location]

    def lowest(self, location: Location) -> int | None:
        """The lowest ID at a location; None if there is no station."""
        first = self._first.get(location)
        return None if first is None else min((first, *self._others.get(location, ())))
