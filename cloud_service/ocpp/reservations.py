"""Shows reservations at the charger shortly before their start, as the service has them.

The service owns every reservation. A charger that refuses one, or drops it by its own clock, changes nothing
there.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from msgspec import Struct

from cloud_service.ocpp.calls import Ask, cancel, reserve
from cloud_service.ocpp.charges import Memory, Network
from cloud_service.ocpp.exchange import UNABLE, CallRefused
from cloud_service.ocpp.leniencies import Leniencies
from cloud_service.ocpp.schemas import Version

HELD_AFTER: Final = timedelta(minutes=15)
"""How long after its start a vehicle may come: as long as the service waits by default."""
_IDS_A_POINT: Final = 100_000
_NEVER: Final = timedelta()
_RETRY: Final = timedelta(minutes=1)

AskCharger = Callable[[Ask], Awaitable[Mapping[str, Any]]]


class Shown(Struct, frozen=True):
    """A reservation as a charger sees it."""

    number: int
    connector: int
    tag: str
    until: datetime


def plan(
    reservations: Iterable[Mapping[str, Any]], points: Mapping[int, int], before: timedelta, now: datetime
) -> dict[int, Shown]:
    """What the charger should show now, by number. `points` has the point of each connector."""
    connectors = {point: connector for connector, point in points.items()}
    wanted: dict[int, Shown] = {}
    for each in reservations:
        start = datetime.fromisoformat(each["startDateTime"])
        connector = connectors.get(each["chargingPointID"])
        is_near = start - before <= now < start + HELD_AFTER
        if connector is not None and each["state"] == "reserved" and is_near:
            number = _number(each)
            wanted[number] = Shown(number, connector, str(each["vehicleID"]), start + HELD_AFTER)
    return wanted


class Reservations:
    """The reservations of one charger, and which of them it shows."""

    def __init__(self, network: Network, memory: Memory, leniencies: Leniencies, before: timedelta) -> None:
        self._network = network
        self._memory = memory
        self._leniencies = leniencies
        self._before = before
        self._known: list[Mapping[str, Any]] | None = None
        self._changes = 0
        self._shown: dict[int, Shown] = {}
        self._not_before: dict[int, datetime] = {}
        """When to ask again about what the charger has refused, or has not answered."""
        self._cannot = before == _NEVER

    def changed(self) -> None:
        """One of the reservations has changed: they have to be read again."""
        self._known = None
        self._changes += 1

    def let_go(self, number: int) -> None:
        """The charger no longer shows this reservation. It is shown again if it is still wanted."""
        self._shown.pop(number, None)

    async def follow(self, ask: AskCharger, version: Version, now: datetime) -> None:
        """Has the charger show what it should. Raises what `Network.request` raises."""
        if self._cannot or self._memory.record.station is None:
            return
        wanted = plan(await self._read(), self._memory.record.points, self._before, now)
        for number in [each for each in self._shown if wanted.get(each) != self._shown[each]]:
            if self._may_ask(number, now):
                await self._withdraw(ask, number, now)
        for number, shown in wanted.items():
            if number not in self._shown and self._may_ask(number, now):
                await self._show(ask, shown, version, now)
        concerned = {*wanted, *self._shown}
        self._not_before = {number: at for number, at in self._not_before.items() if number in concerned}

    async def _read(self) -> list[Mapping[str, Any]]:
        if self._known is not None:
            return self._known
        changes = self._changes
        values = {"chargingStationID": self._memory.record.station}
        found: list[Mapping[str, Any]] = await self._network.request("receiveAllReservations", values)
        if changes == self._changes:
            self._known = found
        return found

    def _may_ask(self, number: int, now: datetime) -> bool:
        return not self._cannot and self._not_before.get(number, now) <= now

    async def _show(self, ask: AskCharger, shown: Shown, version: Version, now: datetime) -> None:
        status = await self._ask(ask, reserve(shown.number, shown.connector, shown.tag, shown.until, version))
        if status == "Accepted":
            self._shown[shown.number] = shown
        # Occupied, Faulted, Unavailable, Rejected: the charger's statuses tell the service what it needs to
        # know
        else:
            self._not_before[shown.number] = now + _RETRY

    async def _withdraw(self, ask: AskCharger, number: int, now: datetime) -> None:
        if await self._ask(ask, cancel(number)) is None:
            self._not_before[number] = now + _RETRY
        else:  # Rejected means that the charger no longer knows the reservation
            self._shown.pop(number, None)

    async def _ask(self, ask: AskCharger, what: Ask) -> str | None:
        """The status of the answer; None if there was no usable answer."""
        try:
            return str((await ask(what)).get("status", ""))
        except TimeoutError:
            return None
        except CallRefused as refusal:
            if str(refusal) in UNABLE:
                self._cannot = True
                self._leniencies.note(f"{what.action}: {refusal}; reservations are not shown there")
            return None


def _number(reservation: Mapping[str, Any]) -> int:
    """A number for a reservation, whose own ID is unique only at its point. OCPP 1.6 has 31 bits for it."""
    point, number = int(reservation["chargingPointID"]), int(reservation["reservationID"])
    return (point * _IDS_A_POINT + number % _IDS_A_POINT) & 0x7FFFFFFF
