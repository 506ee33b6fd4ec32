"""One charger's connection: its messages reach its story, and its answers go back."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Protocol

import msgspec
from msgspec.structs import replace
from websockets.asyncio.server import ServerConnection

from cloud_service.mqtt.requester import OutcomeUnknown
from cloud_service.ocpp import v2, v16
from cloud_service.ocpp.calls import Ask, Wanted, write_command
from cloud_service.ocpp.clocks import ChargerClock
from cloud_service.ocpp.exchange import UNKNOWN_ACTION, CallRefused, Exchange
from cloud_service.ocpp.frames import Call, Failure, Result
from cloud_service.ocpp.leniencies import Leniencies
from cloud_service.ocpp.schemas import Version, is_action, may_be_empty, note_faults
from cloud_service.ocpp.story import Habits, Story
from cloud_service.ocpp.told import Outcome, Started, Told
from cloud_service.protocol.errors import RequestError
from cloud_service.protocol.ocpp import Answer, ChargerRecord, Command, Place

log = logging.getLogger(__name__)

DISPLACED: Final = 1008
"""The close code of a connection whose charger has connected again."""


class Desk(Protocol):
    """What a link needs from its gateway."""

    def record(self, identity: str) -> ChargerRecord: ...

    def place(self, identity: str) -> Place | None: ...

    async def keep(self, identity: str, record: ChargerRecord) -> None: ...

    async def request(
        self, identity: str, action: str, values: Mapping[str, Any], request_id: str | None
    ) -> Any: ...

    def appear(self, identity: str) -> None: ...


class Link:
    """The connection of one charger. For the charger's story it is both the Network and the Memory."""

    def __init__(
        self,
        identity: str,
        socket: ServerConnection,
        version: Version,
        desk: Desk,
        habits: Habits,
        counted: Callable[[str, str], None],
    ) -> None:
        self.identity = identity
        self.version: Version = version
        self._socket = socket
        self._desk = desk
        self.leniencies = Leniencies(self.record.leniencies)
        self.clock = ChargerClock(self.leniencies)
        self.story = Story(identity, self, self, self.clock, self.leniencies, habits)
        self.exchange = Exchange(socket, self.answer, self.leniencies, counted)
        self._showing = False
        self._answer_seconds = habits.answer_seconds
        self._turn = asyncio.Lock()
        """Held by the task that continues the story."""

    @property
    def record(self) -> ChargerRecord:
        return self._desk.record(self.identity)

    async def keep(self, record: ChargerRecord) -> None:
        await self._desk.keep(self.identity, replace(record, leniencies=self.leniencies.all))

    async def request(self, action: str, values: Mapping[str, Any], *, request_id: str | None = None) -> Any:
        return await self._desk.request(self.identity, action, values, request_id)

    async def serve(self) -> None:
        """Serves the charger until its connection ends."""
        self.story.stands(self._desk.place(self.identity))
        await self.exchange.run()

    async def close(self, reason: str) -> None:
        """Ends the connection."""
        await self._socket.close(DISPLACED, reason)

    async def place_changed(self, place: Place | None) -> None:
        """An operator has said where the charger stands, or that it stands nowhere any more."""
        async with self._turn:
            self.story.stands(place)
            try:
                await self.story.settle()
                if place is None:
                    await self.keep(replace(self.record, state="pending"))
            except (RequestError, OutcomeUnknown, ConnectionError) as error:
                log.warning("cannot make its station yet: %s", error, extra={"client": self.identity})
                return
        if place is not None:
            self._desk.appear(self.identity)

    async def pass_time(self) -> None:
        """Lets the story do what time brings, unless it is busy."""
        if self._turn.locked():
            return
        async with self._turn:
            try:
                await self.story.pass_time(datetime.now(UTC))
            except (RequestError, OutcomeUnknown, ConnectionError) as error:
                log.warning("%s", error, extra={"client": self.identity})
        await self._show_reservations()
        await self.tell_leniencies()

    async def command(self, command: Command) -> Answer:
        """Has the charger do what an operator wants."""
        try:
            wanted = msgspec.convert(command.values, Wanted)
            ask = write_command(command.command, wanted, self.version)
        except (msgspec.ValidationError, ValueError) as error:
            return Answer(command.id, ok=False, message=f"the command cannot be read: {error}")
        if ask is None:
            return Answer(command.id, ok=False, message=f"there is no command {command.command}")
        try:
            answer = await self._ask(ask)
        except CallRefused as refusal:
            return Answer(command.id, ok=False, status=str(refusal)[:40], message="the charger refuses it")
        except (TimeoutError, ConnectionError):
            return Answer(command.id, ok=False, message="the charger does not answer")
        return Answer(command.id, ok=True, status=str(answer.get("status", ""))[:40])

    async def _show_reservations(self) -> None:
        """Holds no turn while it waits for the charger, which may have to be answered first."""
        if self._showing or not self.story.is_accepted:
            return
        self._showing = True
        try:
            await self.story.reservations.follow(self._ask, self.version, datetime.now(UTC))
        except (RequestError, OutcomeUnknown, ConnectionError) as error:
            log.debug("cannot show reservations: %s", error, extra={"client": self.identity})
        finally:
            self._showing = False

    async def _ask(self, ask: Ask) -> Mapping[str, Any]:
        return await self.exchange.call(ask.action, ask.payload, self._answer_seconds)

    def log_leniencies(self) -> bool:
        """Logs new leniencies. Returns whether there were any."""
        untold = self.leniencies.take_untold()
        for each in untold:
            log.info("lenient: %s", each, extra={"client": self.identity})
        return bool(untold)

    async def tell_leniencies(self) -> None:
        """Logs new leniencies, and keeps them in the charger's record."""
        if self.log_leniencies():
            await self.keep(self.record)

    async def answer(self, call: Call) -> Result | Failure:
        """The answer to the charger."""
        if self.version == "1.6" and not self._socket.subprotocol and "chargingStation" in call.payload:
            self.version = "2.0.1"
        if not is_action(call.action, self.version):
            self.leniencies.note(f"{call.action}: not an action of OCPP {self.version}")
            return Failure(call.id, UNKNOWN_ACTION, f"OCPP {self.version} has no {call.action}")
        note_faults(call.action, self.version, call.payload, self.leniencies)
        try:
            async with self._turn:
                outcome = await self._hear_all(call)
        except (RequestError, OutcomeUnknown, ConnectionError) as error:
            log.warning("cannot do %s: %s", call.action, error, extra={"client": self.identity})
            return Failure(call.id, "InternalError", "not possible now; ask again later")
        # otherwise the charger would repeat the message on each connection, and lose each connection
        except Exception:
            log.exception("cannot do %s", call.action, extra={"client": self.identity})
            return Failure(call.id, "InternalError", "a fault of this gateway")
        return self._write(call, outcome)

    async def _hear_all(self, call: Call) -> Outcome:
        now = datetime.now(UTC)
        outcome = Outcome()
        for told in self._read(call):
            mark = str(call.payload.get("timestamp", "")) if _has_time(told) else call.id
            heard = await self.story.hear(told, mark, now)
            outcome = replace(heard, accepted=heard.accepted and outcome.accepted)
        # many chargers send BootNotification only when they boot, not when they connect
        if self.story.is_accepted:
            self._desk.appear(self.identity)
        return outcome

    def _read(self, call: Call) -> list[Told]:
        if self.version == "1.6":
            return v16.read(call.action, call.payload, self.clock)
        return v2.read(call.action, call.payload, self.clock)

    def _write(self, call: Call, outcome: Outcome) -> Result | Failure:
        now = datetime.now(UTC)
        if self.version == "1.6":
            payload = v16.answer(call.action, outcome, now)
        else:
            payload = v2.answer(call.action, outcome, now, call.payload)
        if not payload and not may_be_empty(call.action, self.version):
            return Failure(call.id, "NotSupported", f"this gateway does not take {call.action}")
        return Result(call.id, payload)


def _has_time(told: Told) -> bool:
    """Whether the start time identifies a charge: with an unset clock, two charges may have the same."""
    return isinstance(told, Started) and told.at is not None
