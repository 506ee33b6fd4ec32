"""Undoes an import: deletes the stations of the importing account at the places of a file."""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

import msgspec
from msgspec import Struct, field

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.requester import Requester
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message
from recharge.account import STATE_FOLLOWS_SECONDS
from recharge.charger import Charger
from recharge.errors import Conflict, Forbidden, NotFound, RequestError
from recharge.records import Number, Station
from recharge.station_import.afdc import Site
from recharge.station_import.workers import for_each

_log = logging.getLogger(__name__)
_decode_station = msgspec.json.Decoder(Station).decode

Place = tuple[Number, Number]
"""`x` and `y`, in kilometres."""


class UndoTally(Struct):
    """Counts what was undone so far, by stations of the file."""

    removed: int = 0
    absent: int = 0
    """There was no station at the place."""
    foreign: int = 0
    """The station at the place is another account's."""
    kept: list[tuple[int, int]] = field(default_factory=list)
    """ID and number of reservations of each station that stays because it has some."""
    cancelled: int = 0
    """Reservations that were cancelled with their stations."""

    @property
    def stations(self) -> int:
        return self.removed + self.absent + self.foreign + len(self.kept)


class Undo:
    """Undoes with a connected Charger. `stations` has the ID of the network's station at each place.

    `on_station` is called after each station of the file.
    """

    def __init__(
        self,
        charger: Charger,
        stations: Mapping[Place, int],
        *,
        force: bool,
        on_station: Callable[[UndoTally], None],
    ) -> None:
        """With `force`, stations with reservations are deleted too."""
        self.tally = UndoTally()
        self._charger = charger
        self._stations = stations
        self._force = force
        self._on_station = on_station

    async def run(self, sites: Sequence[Site], at_once: int) -> None:
        """Undoes up to `at_once` sites at a time.

        Raises an ExceptionGroup of the errors of Charger's methods.
        """
        await for_each(sites, at_once, self._count)

    async def _count(self, site: Site) -> None:
        await self._undo(site)
        self._on_station(self.tally)

    async def _undo(self, site: Site) -> None:
        """Counts a station that is not there, or not this account's, and deletes the others.

        Retained state may still show a station that has gone: its reservations are asked of the service.
        """
        station_id = self._stations.get((site.x, site.y))
        if station_id is None:
            self.tally.absent += 1
            return
        try:
            reservations = await self._charger.reservations(station_id)
            if not await self._owns(site):
                self.tally.foreign += 1
            elif reservations and not self._force:
                self.tally.kept.append((station_id, len(reservations)))
            else:
                await self._charger.delete_station(station_id)
                self.tally.removed += 1
                self.tally.cancelled += len(reservations)
        except NotFound:
            self.tally.absent += 1
        except Forbidden:
            self.tally.foreign += 1

    async def _owns(self, site: Site) -> bool:
        """Whether this account owns the station there: an operator's could delete those of others too.

        Registering an occupied location changes nothing, and tells whose station is there.
        """
        try:
            await self._charger.register_station(site.x, site.y)
        except Conflict:
            return False
        return True


async def stations_by_place(broker: BrokerAddress, account: str) -> dict[Place, int]:
    """The ID of the station at each place, the lowest of several, from retained state.

    The broker sends what it has retained before the reply to a later request, also after a reconnection. What
    was registered just before may follow that reply.
    Raises OutcomeUnknown without a reply in time, and ConnectionError if the broker cannot be reached.
    """
    stations: dict[str, Station] = {}

    def receive(message: Message) -> None:
        try:
            if message.payload:
                stations[message.topic] = _decode_station(message.payload)
            else:
                stations.pop(message.topic, None)
        except (msgspec.MsgspecError, ValueError) as error:
            _log.warning("the message on %s is not valid: %s", message.topic, error)

    async with Requester(
        broker,
        account,
        subscriptions=[topics.station_state("+")],
        on_message=receive,
    ) as requester:
        with suppress(RequestError):  # only the arrival of the reply matters
            await requester.request("receiveAllChargingPoints", {"chargingStationID": 1, "limit": 1})
        await asyncio.sleep(STATE_FOLLOWS_SECONDS)
    ordered = sorted(stations.values(), key=lambda station: station.station_id, reverse=True)
    return {(station.x, station.y): station.station_id for station in ordered}
