"""Imports sites: compares each with the network and adds what is missing."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from recharge.charger import Charger
from recharge.errors import Conflict
from recharge.records import KEEP, Connector, Number, Point
from recharge.station_import.afdc import Site, missing_points, nearest_kind
from recharge.station_import.descriptions import MissingConnectors
from recharge.station_import.workers import for_each


class Tally:
    """Counts what an import has done so far."""

    def __init__(self) -> None:
        self.new_stations = 0
        self.known_stations = 0
        self.foreign_stations = 0
        """Locations at which another account has a station."""
        self.new_points = 0
        self.known_points = 0
        self.surplus_points = 0
        """Points that the network has and the file does not."""

    @property
    def stations(self) -> int:
        return self.new_stations + self.known_stations + self.foreign_stations


class Importer:
    """Imports with a connected Charger. `powers` are those of all kinds of ports, in kW.

    `on_station` is called after each station.
    """

    def __init__(
        self,
        charger: Charger,
        powers: Iterable[Number],
        kwh_price: Number,
        on_station: Callable[[Tally], None],
    ) -> None:
        self.tally = Tally()
        self._charger = charger
        self._powers = tuple(powers)
        self._kwh_price = kwh_price
        self._on_station = on_station

    async def run(self, sites: Sequence[Site], at_once: int) -> None:
        """Imports up to `at_once` sites at a time.

        Raises an ExceptionGroup of the errors of Charger's methods.
        """
        await for_each(sites, at_once, self._count)

    async def _count(self, site: Site) -> None:
        try:
            await self._import(site)
        except Conflict:
            self.tally.foreign_stations += 1
        self._on_station(self.tally)

    async def _import(self, site: Site) -> None:
        """Registering a known location returns its station, so nothing is added twice."""
        station = await self._charger.register_station(
            site.x, site.y, name=site.name or KEEP, address=site.address or KEEP
        )
        existing = await self._charger.points(station.station_id)
        connectors = self._missing_connectors(site, existing)
        for kind in connectors.values():
            for point, connector in kind.for_existing():
                await self._describe(point, connector)
        missing = missing_points(site.points, [point.power for point in existing], self._powers)
        for power in missing:
            await self._charger.add_point(
                station.station_id, power, self._kwh_price, connector=connectors[power].next()
            )
        known = sum(site.points.values()) - len(missing)
        self.tally.new_stations += not existing
        self.tally.known_stations += bool(existing)
        self.tally.new_points += len(missing)
        self.tally.known_points += known
        self.tally.surplus_points += len(existing) - known

    def _missing_connectors(self, site: Site, existing: Sequence[Point]) -> dict[Number, MissingConnectors]:
        """Those of each kind of port. An existing point keeps the connector that it has."""
        return {
            kind: MissingConnectors(
                site.connectors.get(kind, ()),
                [point for point in existing if nearest_kind(point.power, self._powers) == kind],
            )
            for kind in set(self._powers)
        }

    async def _describe(self, point: Point, connector: Connector) -> None:
        """Gives a point its connector. One with reservations stays reserved if it is said to be free."""
        availability = "livre" if point.availability == "reservado" else point.availability
        await self._charger.update_point(
            msgspec.structs.replace(point, availability=availability, connector=connector)
        )
