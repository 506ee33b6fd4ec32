"""The charges of one charger: their starts, readings and ends become requests.

The charger's record at the broker has everything about a charge before the charger is answered. Request IDs
follow from the charge, so a request that is repeated after a crash takes effect once.
"""

import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from msgspec.structs import replace

from cloud_service.ocpp.leniencies import Leniencies
from cloud_service.ocpp.told import Ended, Meter, Metered, Outcome, Started
from cloud_service.protocol.errors import BadRequest, Conflict, IDReused, NotFound
from cloud_service.protocol.ocpp import ChargerRecord, EarlyEnd, Transaction

log = logging.getLogger(__name__)

LONG_AGO: Final = timedelta(minutes=5)
"""If a charger reports a start longer ago than this, it was not connected when the charge began."""
_CLOSED_KEPT: Final = 50
_OPEN_KEPT: Final = 50
_EARLY_ENDS_KEPT: Final = 20
_UNNAMED: Final = ("0", "-1")
"""The IDs that some chargers give to a transaction that began while they were not connected."""
_DECIMALS: Final = 6
_CLOCKS_DIFFER: Final = timedelta(seconds=5)
"""The service records nothing that lies in its future, and its clock may be this far behind ours."""
_SHORTEST: Final = timedelta(seconds=1)
"""The duration of a charge that began and ended at the same moment by a coarse clock."""


class Network(Protocol):
    """Requests of this charger's account."""

    async def request(
        self, action: str, values: Mapping[str, Any], *, request_id: str | None = None
    ) -> Any: ...


class Memory(Protocol):
    """The charger's record. `keep` returns when the broker has it."""

    @property
    def record(self) -> ChargerRecord: ...

    async def keep(self, record: ChargerRecord) -> None: ...


class Charges:
    """The charges of one charger. `vehicle_of` finds the vehicle of a tag; None if it may not charge."""

    def __init__(
        self,
        identity: str,
        network: Network,
        memory: Memory,
        leniencies: Leniencies,
        vehicle_of: Callable[[str], Awaitable[str | None]],
    ) -> None:
        self._identity = identity
        self._network = network
        self._memory = memory
        self._leniencies = leniencies
        self._vehicle_of = vehicle_of

    async def start(self, told: Started, mark: str, now: datetime) -> Outcome:
        """A charge begins. `mark` distinguishes it from the charger's others if nothing else does."""
        record = self._memory.record
        name = told.transaction or self._name(told, mark)
        known = record.transaction(name)
        if name in record.closed:
            await self._begin_after_end(told, name, now)
            return Outcome(transaction=name)
        if known is not None and not (known.waiting and told.charging):
            return Outcome(not known.refused, name)
        if told.connector not in record.points and known is None:
            self._leniencies.note(f"connector {told.connector}: not one of its points")
            return Outcome(accepted=False, transaction=name)
        started = told.at or now
        new = Transaction(name, told.connector, started, told.tag, told.meter, waiting=not told.charging)
        if known is not None:
            new = replace(known, tag=told.tag, started=started, waiting=False)
        if not new.waiting:
            new = replace(new, held=True) if now - started > LONG_AGO else await self._begin(new)
        await self._keep(new)
        return Outcome(not new.refused, name)

    async def measure(self, told: Metered, now: datetime) -> None:
        """A reading arrives. A held charge with a current reading still goes on, and becomes a session."""
        record = self._memory.record
        if told.transaction is not None:
            known = record.transaction(told.transaction)
        else:
            known = None if told.connector is None else record.session_on(told.connector)
        if known is None:
            return
        if known.held and told.at is not None and now - told.at <= LONG_AGO:
            known = await self._begin(replace(known, held=False))
        read = _with_reading(known, told.meter)
        await self._keep(read)
        if read.is_session and read.energy is not None:
            await self._tell_reading(read, read.energy)

    async def stop(self, told: Ended, now: datetime) -> Outcome:
        """A charge has ended."""
        record = self._memory.record
        if told.transaction in record.closed:
            return Outcome()
        known = record.transaction(told.transaction) or self._only_one(told)
        if known is None:
            self._leniencies.note("ended a charge that never began")
            await self._memory.keep(_with_early_end(_without(record, told.transaction), told))
            return Outcome()
        begin = told.meter_start if known.meter_start is None else known.meter_start
        energy = _difference(told.meter, begin)
        energy = known.energy if energy is None else energy
        if known.refused and energy:
            self._leniencies.note("charged although it was refused")
        if known.held or (known.refused and energy):
            await self._record(known, told.at or now, energy, now)
        await self.end(known, energy)
        return Outcome()

    async def end(self, transaction: Transaction, energy: float | None) -> None:
        """Ends a charge, even one whose end the charger has never reported."""
        if transaction.is_session:
            await self._finish(transaction, energy)
        await self._memory.keep(_without(self._memory.record, transaction.transaction))

    async def end_sessions(self) -> None:
        """Ends all charges that are sessions at the service, with what was measured last."""
        for transaction in self._memory.record.transactions:
            if transaction.is_session:
                await self.end(transaction, transaction.energy)

    async def _begin_after_end(self, told: Started, name: str, now: datetime) -> None:
        """Stored messages may come in any order: if the end came first, the charge was over long ago."""
        record = self._memory.record
        end = record.early_end(name)
        if end is None or told.at is None or told.connector not in record.points:
            return
        begin = end.meter_start if told.meter is None else told.meter
        if begin is None:
            return
        over = Transaction(name, told.connector, told.at, told.tag, begin, held=True)
        await self._record(over, end.at, _difference(end.meter, begin), now)
        others = tuple(each for each in record.early_ends if each is not end)
        await self._memory.keep(replace(record, early_ends=others))

    async def _begin(self, transaction: Transaction) -> Transaction:
        """Asks the service to begin the session."""
        before = self._memory.record.session_on(transaction.connector)
        if before is not None:
            self._leniencies.note("began a charge before it ended the last one")
            await self.end(before, before.energy)
        vehicle = await self._vehicle_of(transaction.tag)
        if vehicle is None:
            return replace(transaction, refused=True)
        named = {"vehicleID": vehicle} if vehicle else {}
        try:
            await self._network.request(
                "startCharging",
                {**self._point(transaction.connector), **named},
                request_id=self._request_id("start", transaction.transaction),
            )
        except (Conflict, NotFound):
            return replace(transaction, refused=True)
        except IDReused:  # it has begun already, when the vehicle had another reservation
            pass
        return transaction

    async def _finish(self, transaction: Transaction, energy: float | None) -> None:
        charged = {} if energy is None else {"energy": energy}
        with suppress(NotFound, IDReused):  # the service has ended the session before
            await self._network.request(
                "finishCharging",
                {**self._point(transaction.connector), **charged},
                request_id=self._request_id("finish", transaction.transaction),
            )

    async def _record(
        self, transaction: Transaction, finish: datetime, energy: float | None, now: datetime
    ) -> None:
        """Records a charge that is over and was not a session: there was no connection, or it was refused."""
        if energy is None:
            self._leniencies.note("told no energy of a charge while it was not connected")
            return
        named = {"vehicleID": transaction.tag} if transaction.tag else {}
        finish = max(min(finish, now - _CLOCKS_DIFFER), transaction.started + _SHORTEST)
        times = {"startDateTime": transaction.started.isoformat(), "finishDateTime": finish.isoformat()}
        try:
            await self._network.request(
                "recordCharging",
                {**self._point(transaction.connector), **times, "energy": energy, **named},
                request_id=self._request_id("record", transaction.transaction),
            )
        except (BadRequest, NotFound, IDReused) as error:  # too long ago; the point is gone; recorded already
            log.warning(
                "cannot book a charge of %s: %s",
                times["startDateTime"],
                error,
                extra={"client": self._identity},
            )

    async def _tell_reading(self, transaction: Transaction, energy: float) -> None:
        """Sends a reading even if nothing has changed: it says that the vehicle is still there."""
        power = {} if transaction.power is None else {"power": transaction.power}
        with suppress(NotFound):  # the service has ended the session before
            await self._network.request(
                "meterCharging", {**self._point(transaction.connector), "energy": energy, **power}
            )

    async def _keep(self, new: Transaction) -> None:
        record = self._memory.record
        others = [each for each in record.transactions if each.transaction != new.transaction]
        await self._memory.keep(replace(record, transactions=(*others, new)[-_OPEN_KEPT:]))

    def _only_one(self, told: Ended) -> Transaction | None:
        """The only open charge, if the charger does not know its transaction ID."""
        open_now = self._memory.record.transactions
        if told.transaction not in _UNNAMED or len(open_now) != 1:
            return None
        self._leniencies.note("ended a charge without its transaction ID")
        return open_now[0]

    def _point(self, connector: int) -> dict[str, Any]:
        """Raises NotFound if an operator has taken the point away since the charge began."""
        record = self._memory.record
        if connector not in record.points:
            raise NotFound(f"connector {connector} is not a point of the charger any more")
        return {"chargingStationID": record.station, "chargingPointID": record.points[connector]}

    def _name(self, told: Started, mark: str) -> str:
        """A transaction ID of OCPP 1.6: 31 bits, the same for the same charge."""
        return str(
            int(self._request_id("name", str(told.connector), told.tag, str(told.meter), mark)[:8], 16) >> 1
        )

    def _request_id(self, *parts: str) -> str:
        text = "\n".join((self._identity, *parts))
        return hashlib.sha256(text.encode()).hexdigest()[:40]


def _difference(meter: float | None, begin: float | None) -> float | None:
    """What has been charged; None if that is not known, for example because the meter was reset."""
    if meter is None or begin is None or meter < begin:
        return None
    return round(meter - begin, _DECIMALS)


def _with_reading(transaction: Transaction, meter: Meter) -> Transaction:
    """A meter only counts up: a reading with less energy than the last one is older, and has arrived late."""
    energy = _difference(meter.energy, transaction.meter_start)
    if energy is not None and transaction.energy is not None and energy < transaction.energy:
        return transaction
    return replace(
        transaction,
        meter_start=meter.energy if transaction.meter_start is None else transaction.meter_start,
        energy=transaction.energy if energy is None else energy,
        power=transaction.power if meter.power is None else meter.power,
    )


def _with_early_end(record: ChargerRecord, told: Ended) -> ChargerRecord:
    if told.at is None or told.meter is None or told.transaction in _UNNAMED:
        return record
    end = EarlyEnd(told.transaction, told.at, told.meter, told.meter_start)
    return replace(record, early_ends=(*record.early_ends, end)[-_EARLY_ENDS_KEPT:])


def _without(record: ChargerRecord, name: str) -> ChargerRecord:
    if name in _UNNAMED:  # the next charge without an ID is another one
        return record
    others = tuple(each for each in record.transactions if each.transaction != name)
    return replace(record, transactions=others, closed=(*record.closed, name)[-_CLOSED_KEPT:])
