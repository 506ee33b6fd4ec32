"""What one charger tells, and what follows from it: no version of OCPP, no socket, and time is passed in."""

import hashlib
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import Struct
from msgspec.structs import replace

from cloud_service.ocpp.charges import Charges, Memory, Network
from cloud_service.ocpp.clocks import ChargerClock
from cloud_service.ocpp.evses import Evses
from cloud_service.ocpp.leniencies import Leniencies
from cloud_service.ocpp.reservations import Reservations
from cloud_service.ocpp.told import (
    Booted,
    Ended,
    Metered,
    Outcome,
    ReservationEnded,
    Started,
    StatusTold,
    TagShown,
    Told,
)
from cloud_service.protocol.errors import NotFound
from cloud_service.protocol.ocpp import ChargerRecord, Place, PlacePoint

log = logging.getLogger(__name__)

PENDING_SECONDS: Final = 30
"""How soon a charger that is not accepted yet asks again."""
UNFINISHED: Final = timedelta(seconds=30)
"""How long a connector may be free although its charge has not ended. After that, the charge counts as ended.
"""
_DOWN: Final = ("unavailable", "faulted")
_FREE: Final = "livre"
_OCCUPIED: Final = "ocupado"
_SOON: Final = timedelta(minutes=15)


class Habits(Struct, frozen=True):
    """The settings of the gateway that concern a charger."""

    heartbeat: int
    walk_ins: bool
    reserve_before: timedelta
    answer_seconds: float


class Story:
    """One charger, as long as it is connected."""

    def __init__(
        self,
        identity: str,
        network: Network,
        memory: Memory,
        clock: ChargerClock,
        leniencies: Leniencies,
        habits: Habits,
    ) -> None:
        self._identity = identity
        self._network = network
        self._memory = memory
        self._clock = clock
        self._leniencies = leniencies
        self._habits = habits
        self._place: Place | None = None
        self._settled = False
        self._late: dict[int, StatusTold] = {}
        """Statuses that the service does not know yet. Chargers do not send them twice."""
        self._evses = Evses()
        self._free_since: dict[int, datetime] = {}
        """When connectors became free whose charges have not ended."""
        self.reservations = Reservations(network, memory, leniencies, habits.reserve_before)
        self.charges = Charges(identity, network, memory, leniencies, self._vehicle_of)

    def stands(self, place: Place | None) -> None:
        """An operator says where the charger stands."""
        if place != self._place:
            self._place, self._settled = place, False

    @property
    def is_accepted(self) -> bool:
        return self._place is not None

    async def hear(self, told: Told, mark: str, now: datetime) -> Outcome:
        """Does what follows from what the charger tells. Raises what `Network.request` raises."""
        if isinstance(told, Booted):
            await self._introduce(told)
        if self._place is None:
            return Outcome(accepted=False, interval=PENDING_SECONDS, transaction="0")
        if isinstance(told, StatusTold):
            self._note_status(told, now)
        await self.settle()
        match told:
            case Booted():
                return Outcome(interval=self._habits.heartbeat)
            case StatusTold():
                await self._take_statuses()
            case TagShown():
                return Outcome(await self._vehicle_of(told.tag) is not None)
            case Started():
                return await self.charges.start(told, mark, now)
            case Metered():
                self._clock.compare(told.at, now)
                await self.charges.measure(told, now)
            case Ended():
                return await self.charges.stop(told, now)
            case ReservationEnded():
                self.reservations.let_go(told.reservation)
            case _:
                pass
        return Outcome()

    async def pass_time(self, now: datetime) -> None:
        """Does what was not possible before, and ends charges whose end the charger has not reported."""
        if self._place is not None and self._late:
            await self.settle()
            await self._take_statuses()
        for connector, since in list(self._free_since.items()):
            if now - since < UNFINISHED:
                continue
            del self._free_since[connector]
            unfinished = self._memory.record.session_on(connector)
            if unfinished is not None:
                self._leniencies.note("did not tell that a charge had ended")
                await self.charges.end(unfinished, unfinished.energy)

    async def settle(self) -> None:
        """Makes or finds the station and its points."""
        if self._settled or self._place is None:
            return
        place = self._place
        named = {} if place.name is None else {"name": place.name}
        station = await self._network.request(
            "newChargingStation", {"x_position": place.x, "y_position": place.y, **named}
        )
        record = self._memory.record
        if record.station != station:
            await self.charges.end_sessions()
            record = replace(self._memory.record, station=station, points={}, statuses={})
        there = await self._points_at(station)
        known = {connector: point for connector, point in record.points.items() if point in there}
        if not known:
            known = _in_order(place, there)
        for point in place.points:
            if point.connector not in known:
                before = record.points.get(point.connector)
                known[point.connector] = await self._make_point(station, point, before)
            elif not _is_as_described(there[known[point.connector]], point):
                await self._describe(station, known[point.connector], point, record)
        await self._memory.keep(replace(record, state="accepted", points=known))
        self._settled = place is self._place

    async def _points_at(self, station: int) -> dict[int, Mapping[str, Any]]:
        try:
            found = await self._network.request("receiveAllChargingPoints", {"chargingStationID": station})
        except NotFound:
            return {}
        return {point["chargingPointID"]: point for point in found}

    async def _make_point(self, station: int, point: PlacePoint, before: int | None) -> int:
        """`before` is the connector's former point, which somebody has deleted. Its ID makes sure that only
        one new point is made.
        """
        made: int = await self._network.request(
            "newChargingPoint",
            {"chargingStationID": station, **_described(point), "availability": _FREE},
            request_id=self._request_id(
                "point", str(station), str(point.connector), repr(point), str(before or "")
            ),
        )
        return made

    async def _describe(self, station: int, point_id: int, point: PlacePoint, record: ChargerRecord) -> None:
        try:
            await self._network.request(
                "updateChargingPoint",
                {
                    "chargingStationID": station,
                    "chargingPointID": point_id,
                    **_described(point),
                    **_condition(record, point.connector),
                },
            )
        except NotFound:
            log.warning(
                "somebody has deleted the point of connector %d; it is made again when the charger connects"
                " again, unless `recharge ocpp add` gives it another place",
                point.connector,
                extra={"client": self._identity},
            )

    async def _introduce(self, told: Booted) -> None:
        record = self._memory.record
        introduced = replace(
            record, vendor=told.vendor, model=told.model, serial=told.serial, firmware=told.firmware
        )
        if introduced != record:
            await self._memory.keep(introduced)

    def _note_status(self, told: StatusTold, now: datetime) -> None:
        self._clock.compare(told.at, now)
        if told.connector and (self._place is None or self._place.point(told.connector) is None):
            self._leniencies.note(f"connector {told.connector}: not one of its points")
            return
        whole = self._evses.whole(told)
        self._watch_for_end(whole, now)
        self._late[told.connector] = whole

    async def _take_statuses(self) -> None:
        for told in list(self._late.values()):
            before = self._memory.record
            if before.statuses.get(told.connector) != told.status:
                after = replace(before, statuses={**before.statuses, told.connector: told.status})
                await self._tell_conditions(before, after, told)
                await self._memory.keep(after)
            del self._late[told.connector]

    async def _tell_conditions(self, before: ChargerRecord, after: ChargerRecord, told: StatusTold) -> None:
        """Tells the service about the points whose condition has changed."""
        assert self._place is not None
        assert after.station is not None
        for connector, point_id in after.points.items():
            point = self._place.point(connector)
            if point is None or told.connector not in (0, connector):
                continue
            if _condition(after, connector) != _condition(before, connector):
                await self._describe(after.station, point_id, point, after)
            elif told.connector == connector and told.status == "free":
                await self._free(after, point_id, point)

    async def _free(self, record: ChargerRecord, point_id: int, point: PlacePoint) -> None:
        """Nobody is there: the service's session ends, unless the charger still has to report its end."""
        if record.session_on(point.connector) is None:
            assert record.station is not None
            await self._describe(record.station, point_id, point, record)

    def _watch_for_end(self, told: StatusTold, now: datetime) -> None:
        if told.status == "free" and self._memory.record.session_on(told.connector) is not None:
            self._free_since.setdefault(told.connector, now)
        else:
            self._free_since.pop(told.connector, None)

    async def _vehicle_of(self, tag: str) -> str | None:
        """The vehicle with this tag, spelled as in its reservation. None if it may not charge here.

        Tags do not distinguish upper and lower case; the names of vehicles do.
        """
        reservations = await self._network.request(
            "receiveAllReservations", {"chargingStationID": self._memory.record.station}
        )
        vehicles = [str(reservation["vehicleID"]) for reservation in reservations]
        meant = [vehicle for vehicle in vehicles if tag and vehicle.lower() == tag.lower()]
        if tag in meant or (not meant and self._habits.walk_ins):
            return tag
        return meant[0] if meant else None

    def _request_id(self, *parts: str) -> str:
        return hashlib.sha256("\n".join((self._identity, *parts)).encode()).hexdigest()[:40]


def _in_order(place: Place, there: Mapping[int, Any]) -> dict[int, int]:
    """Pairs connectors with points by their order, if no record says which point is whose."""
    connectors = sorted(point.connector for point in place.points)
    return dict(zip(connectors, sorted(there), strict=False))


def _described(point: PlacePoint) -> dict[str, Any]:
    type_known = {} if point.type is None else {"connector": point.type}
    return {"power": point.power, "kWhPrice": point.kwh_price, **type_known}


def _is_as_described(there: Mapping[str, Any], point: PlacePoint) -> bool:
    return all(there.get(key) == value for key, value in _described(point).items())


def _condition(record: ChargerRecord, connector: int) -> dict[str, Any]:
    """The availability of a point and whether it is in order, as far as the charger has told."""
    down = any(record.statuses.get(each) in _DOWN for each in (0, connector))
    occupied = record.session_on(connector) is not None
    return {"availability": _OCCUPIED if occupied else _FREE, "operational": not down}
