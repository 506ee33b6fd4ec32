"""Imports sites: compares each with the network and adds what is missing."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence

from recharge.charger import Charger
from recharge.errors import Conflict
from recharge.records import Number
from recharge.station_import.afdc import Site, missing_points


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
        remaining = iter(sites)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(at_once):
                tasks.create_task(self._work(remaining))

    async def _work(self, remaining: Iterator[Site]) -> None:
        for site in remaining:
            try:
                await self._import(site)
            except Conflict:
                self.tally.foreign_stations += 1
            self._on_station(self.tally)

    async def _import(self, site: Site) -> None:
        """Registering a known location returns its station, so nothing is added twice."""
        station = await self._charger.register_station(site.x, site.y)
        existing = await self._charger.points(station.station_id)
        missing = missing_points(site.points, [point.power for point in existing], self._powers)
        for power in missing:
            await self._charger.add_point(station.station_id, power, self._kwh_price)
        known = sum(site.points.values()) - len(missing)
        self.tally.new_stations += not existing
        self.tally.known_stations += bool(existing)
        self.tally.new_points += len(missing)
        self.tally.known_points += known
        self.tally.surplus_points += len(existing) - known
