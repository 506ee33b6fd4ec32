"""Brings the stations of an export into the network: compares with what is there and adds what is missing."""

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence

from cloud_service.protocol.errors import Conflict
from recharge.charger import Charger
from recharge.records import Number
from recharge.station_import.afdc import Site, missing_points


class Tally:
    """What an import has done so far."""

    def __init__(self) -> None:
        self.new_stations = 0
        self.known_stations = 0
        self.foreign_stations = 0
        """Locations at which somebody else has a station."""
        self.new_points = 0
        self.known_points = 0
        self.surplus_points = 0
        """Points that are there and that the file does not have."""

    @property
    def stations(self) -> int:
        return self.new_stations + self.known_stations + self.foreign_stations


class Importer:
    """`powers` are those of all kinds of ports, in kW. `moved_on` is called after each station."""

    def __init__(
        self, charger: Charger, powers: Iterable[Number], kwh_price: Number, moved_on: Callable[[Tally], None]
    ) -> None:
        self.tally = Tally()
        self._charger = charger
        self._powers = tuple(powers)
        self._kwh_price = kwh_price
        self._moved_on = moved_on

    async def run(self, sites: Sequence[Site], at_once: int) -> None:
        """Works on so many stations at once. Raises a group of what Charger's methods raise."""
        rest = iter(sites)
        async with asyncio.TaskGroup() as tasks:
            for _ in range(at_once):
                tasks.create_task(self._work(rest))

    async def _work(self, rest: Iterator[Site]) -> None:
        for site in rest:
            try:
                await self._bring(site)
            except Conflict:
                self.tally.foreign_stations += 1
            self._moved_on(self.tally)

    async def _bring(self, site: Site) -> None:
        """Registering a location again gives the station that is there, so nothing is doubled."""
        station = await self._charger.register_station(site.x, site.y)
        there = await self._charger.points(station.station_id)
        missing = missing_points(site.points, [point.power for point in there], self._powers)
        for power in missing:
            await self._charger.add_point(station.station_id, power, self._kwh_price)
        known = sum(site.points.values()) - len(missing)
        self.tally.new_stations += not there
        self.tally.known_stations += bool(there)
        self.tally.new_points += len(missing)
        self.tally.known_points += known
        self.tally.surplus_points += len(there) - known
