"""The part of the network that a batch needs, in memory: anything else is loaded when it is asked for.

Handlers and the passing of time see it as they see the network of a data folder.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain
from math import hypot
from typing import Final

from cloud_service.core.changes import Changes
from cloud_service.core.due import PointCondition
from cloud_service.core.network import Network
from cloud_service.core.numbers import Number
from cloud_service.core.queue import Queue
from cloud_service.core.records import Point, PointKey, Reservation, Station, VehicleKey
from cloud_service.core.rules import Rules
from cloud_service.core.sessions import Absence, Session
from cloud_service.core.tables import Tables
from cloud_service.core.wishes import Booked
from cloud_service.database.reading import Reader, clamped

FIRST_PAGE: Final = 4
"""How many of the nearest stations are loaded first; each further time, twice as many."""
MOST_AT_ONE_DISTANCE: Final = 1_024
"""How many stations whose distances floats cannot tell apart are put into exact order."""
_ROUNDING: Final = 1 - 2.0**-40

_Place = tuple[Number, Number]


class LoadedNetwork(Network):
    """Stations are loaded whole, with all that is at them, and once."""

    def __init__(self, reader: Reader, rules: Rules) -> None:
        super().__init__(rules=rules)
        self.as_loaded = Tables()
        """The records as they are in the database."""
        self.loads = 0
        """How often something was loaded."""
        self._reader = reader
        self._stations: set[int] = set()
        """Stations that were loaded, or looked for."""
        self._of_vehicles: set[VehicleKey] = set()
        self._at: set[_Place] = set()
        self._nearest_to: dict[tuple[_Place, int], list[int]] = {}
        """The nearest stations with points to a place, by their number, as the database has them."""
        self._of_owners: set[str] = set()
        self._absences: set[str] = set()
        self._all_absences = False
        self._with_points: int | None = None
        self._loaded_with_points = 0
        self._any_flexible: bool | None = None
        self._numbers: Iterator[int] = iter(())
        """For bookings of this batch."""
        self._station_counter: int | None = None
        self.due_until: datetime | None = None
        """If this is set, nothing that falls due later counts as due, because earlier things may not be
        loaded.
        """

    def load(self, station_ids: Iterable[int]) -> None:
        """Loads stations that will be asked for."""
        missing = set(station_ids) - self._stations
        if not missing:
            return
        self._stations |= missing
        self.loads += 1
        with_points = super().stations_with_points
        loaded = self._reader.stations(sorted(missing))
        self._absences.update(station.owner for station in loaded.stations)
        super().apply(loaded)
        self.as_loaded.apply(loaded)
        self._loaded_with_points += super().stations_with_points - with_points

    def station_ids(self) -> Iterable[int]:
        return self._reader.all_stations()

    def point_keys(self) -> Iterable[PointKey]:
        return self._reader.all_points()

    def absences(self) -> Iterable[Absence]:
        if not self._all_absences:
            self._all_absences = True
            found = self._reader.all_absences()
            self._add_absences(each for each in found if each.owner not in self._absences)
        return super().absences()

    def load_owners(self, owners: Iterable[str]) -> None:
        """Loads the stations of these accounts, and since when they are offline."""
        missing = sorted(set(owners) - self._of_owners)
        if missing:
            self._of_owners.update(missing)
            self.load(self._reader.stations_of(missing))
            self._load_absences(missing)

    def _load_absences(self, owners: Iterable[str]) -> None:
        missing = sorted(set(owners) - self._absences)
        if missing:
            self._absences.update(missing)
            self._add_absences(self._reader.absences_of(missing))

    def _add_absences(self, found: Iterable[Absence]) -> None:
        changes = Changes(absences=tuple(found))
        super().apply(changes)
        self.as_loaded.apply(changes)

    def load_vehicles(self, vehicles: Iterable[VehicleKey]) -> None:
        """Loads the stations where these vehicles have a reservation or a session."""
        missing = sorted(set(vehicles) - self._of_vehicles)
        if missing:
            self._of_vehicles.update(missing)
            self.load(self._reader.stations_of_vehicles(missing))

    def load_nearest(self, places: Iterable[_Place]) -> None:
        """Loads the first stations near each place."""
        self._find_nearest(sorted(set(places), key=str), FIRST_PAGE)

    def load_locations(self, locations: Iterable[_Place]) -> None:
        """Loads the stations at these locations."""
        missing = sorted(set(locations) - self._at, key=str)
        if missing:
            self._at.update(missing)
            self.load(self._reader.stations_at(missing))

    @property
    def last_station_id(self) -> int:
        if self._station_counter is None:
            self._station_counter = self._reader.last_station_id()
        return max(self._station_counter, self.tables.last_station_id)

    def station(self, station_id: int) -> Station | None:
        self.load((station_id,))
        return super().station(station_id)

    def station_at(self, x: Number, y: Number) -> Station | None:
        self.load_locations([(x, y)])
        return super().station_at(x, y)

    @property
    def stations_with_points(self) -> int:
        if self._with_points is None:
            self._with_points = self._reader.stations_with_points()
        return self._with_points - self._loaded_with_points + super().stations_with_points

    def stations_by_distance(self, x: Number, y: Number) -> Iterator[Station]:
        count, yielded = FIRST_PAGE, set[int]()
        while True:
            self._find_nearest([(x, y)], count)
            page = self._nearest_to[(x, y), count]
            is_all = len(page) < count
            stored = (self._distance(x, y, self.as_loaded.stations.get(number)) for number in page)
            reach = max(stored, default=0.0) * _ROUNDING
            for station in super().stations_by_distance(x, y):
                if station.station_id in yielded:
                    continue
                is_certain = is_all or self._distance(x, y, station) < reach
                if not is_certain and count < len(yielded) + MOST_AT_ONE_DISTANCE:
                    break
                yielded.add(station.station_id)
                yield station
            if is_all:
                return
            count *= 2

    def _find_nearest(self, places: Iterable[_Place], count: int) -> None:
        missing = [place for place in places if (place, count) not in self._nearest_to]
        if missing:
            found = self._reader.nearest(missing, count)
            self._nearest_to.update(zip(((place, count) for place in missing), found, strict=True))
            self.load(chain.from_iterable(found))

    @staticmethod
    def _distance(x: Number, y: Number, station: Station | None) -> float:
        if station is None:
            return 0.0
        return hypot(clamped(station.x) - clamped(x), clamped(station.y) - clamped(y))

    def stations_of(self, owner: str) -> list[Station]:
        self.load_owners([owner])
        return super().stations_of(owner)

    def owns_stations(self, owner: str) -> bool:
        return super().owns_stations(owner) or (
            owner not in self._of_owners and self._reader.owns_stations(owner)
        )

    def points(self, station_id: int) -> list[Point]:
        self.load((station_id,))
        return super().points(station_id)

    def point(self, key: PointKey) -> Point | None:
        self.load((key[0],))
        return super().point(key)

    def queue(self, key: PointKey) -> Queue:
        self.load((key[0],))
        return super().queue(key)

    def conditions(self, station: Station) -> list[PointCondition]:
        self.load((station.station_id,))
        return super().conditions(station)

    def reservation_of(self, vehicle: VehicleKey) -> Reservation | None:
        self.load_vehicles([vehicle])
        return super().reservation_of(vehicle)

    def next_booking(self, now: datetime) -> Booked:
        number = next(self._numbers, None)
        if number is None:
            self._numbers = iter(self._reader.next_booking_numbers())
            number = next(self._numbers)
        return Booked(now, number)

    def session(self, key: PointKey) -> Session | None:
        self.load((key[0],))
        return super().session(key)

    def session_of(self, vehicle: VehicleKey) -> Session | None:
        self.load_vehicles([vehicle])
        return super().session_of(vehicle)

    def absence(self, owner: str) -> Absence | None:
        if not self._all_absences:
            self._load_absences([owner])
        return super().absence(owner)

    @property
    def has_flexible(self) -> bool:
        if super().has_flexible:
            return True
        if self._any_flexible is None:
            self._any_flexible = self._reader.has_flexible()
        return self._any_flexible

    def flexible_near(self, x: Number, y: Number, most: int) -> list[Reservation]:
        self.load(self._reader.waiting_near(x, y, most))
        return super().flexible_near(x, y, most)

    def first_due(self, now: datetime) -> PointKey | None:
        return super().first_due(now if self.due_until is None else min(now, self.due_until))

    def apply(self, changes: Changes) -> Changes:
        """What is due depends on the owner's presence, so all of an owner's stations have to be loaded."""
        for owner in {*changes.removed_absences, *(absence.owner for absence in changes.absences)}:
            self.stations_of(owner)
        for station in changes.stations:
            self.absence(station.owner)
        return super().apply(changes)
