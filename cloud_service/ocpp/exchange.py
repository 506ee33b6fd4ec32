"""Calls and answers over one WebSocket: the charger's are answered in order, ours go out one at a time."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final
from uuid import uuid4

from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from cloud_service.ocpp.frames import Broken, Call, Failure, Frame, Result, read_frame, write_frame
from cloud_service.ocpp.leniencies import Leniencies

CALLS_WAITING: Final = 16
"""How many calls of the charger may wait for answers before the gateway stops reading."""
MESSAGES_A_SECOND: Final = 20.0
MESSAGES_AT_ONCE: Final = 200.0
"""How many messages may come at once after a pause: a charger that was away has stored some."""
NO_ACTION: Final = "none"
"""Counts messages that cannot be read, or whose action the version does not have."""
UNKNOWN_ACTION: Final = "NotImplemented"
"""The error of OCPP for an unknown action."""
UNABLE: Final = (UNKNOWN_ACTION, "NotSupported")
"""The errors of a charger that will never do what it is asked."""
_BROKEN: Final = "FormationViolation"
_ANSWERS_KEPT: Final = 16


class CallRefused(Exception):
    """The charger has answered a call with an error. The text is its code."""


class Exchange:
    """`answer` gives the answer to a call of the charger. `counted` takes its action, and ok or its error."""

    def __init__(
        self,
        socket: ServerConnection,
        answer: Callable[[Call], Awaitable[Result | Failure]],
        leniencies: Leniencies,
        counted: Callable[[str, str], None],
    ) -> None:
        self._socket = socket
        self._answer = answer
        self._counted = counted
        self._leniencies = leniencies
        self._calls: asyncio.Queue[tuple[Call, bytes]] = asyncio.Queue(CALLS_WAITING)
        self._own: dict[str, asyncio.Future[Mapping[str, Any]]] = {}
        self._one_at_a_time = asyncio.Lock()
        self._answered: OrderedDict[str, tuple[bytes, Result | Failure]] = OrderedDict()
        """The hashes of the latest calls, by their IDs, and their answers."""
        self._pace = Pace(asyncio.get_running_loop().time())

    async def run(self) -> None:
        """Serves the charger until the connection ends. Raises what `answer` raises."""
        reading = asyncio.create_task(self._read(), name="OCPP reader")
        answering = asyncio.create_task(self._answer_all(), name="OCPP answers")
        try:
            await asyncio.wait([reading, answering], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (reading, answering):
                task.cancel()
            await asyncio.wait([reading, answering])
        for task in (reading, answering):
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error

    async def call(self, action: str, payload: Mapping[str, Any], seconds: float) -> Mapping[str, Any]:
        """The charger's answer. Raises CallRefused, TimeoutError, ConnectionError."""
        async with asyncio.timeout(seconds), self._one_at_a_time:
            call_id = uuid4().hex
            answered: asyncio.Future[Mapping[str, Any]] = asyncio.get_running_loop().create_future()
            self._own[call_id] = answered
            try:
                await self._send(Call(call_id, action, payload))
                return await answered
            finally:
                del self._own[call_id]

    async def _read(self) -> None:
        with suppress(ConnectionClosed):
            async for data in self._socket:
                pause = self._pace.pause(asyncio.get_running_loop().time())
                if pause:
                    await asyncio.sleep(pause)
                await self._receive(data)

    async def _receive(self, data: str | bytes) -> None:
        try:
            frame = read_frame(data)
        except Broken as broken:
            self._leniencies.note(broken.reason)
            self._counted(NO_ACTION, _BROKEN)
            if broken.id is not None:
                await self._send(Failure(broken.id, _BROKEN, broken.reason))
            return
        match frame:
            case Call():
                await self._calls.put((frame, _hash(data)))
            case Result():
                self._resolve(frame.id, frame.payload)
            case Failure():
                self._resolve(frame.id, CallRefused(frame.code))

    def _resolve(self, call_id: str, outcome: Mapping[str, Any] | CallRefused) -> None:
        waiting = self._own.get(call_id)
        if waiting is None or waiting.done():
            return
        if isinstance(outcome, CallRefused):
            waiting.set_exception(outcome)
        else:
            waiting.set_result(outcome)

    async def _answer_all(self) -> None:
        while True:
            call, received = await self._calls.get()
            before = self._answered.get(call.id)
            if before is not None and before[0] == received:
                await self._reply(call, before[1])
                continue
            if before is not None:
                self._leniencies.note("used a message ID twice")
            answer = await self._answer(call)
            if isinstance(answer, Result):
                self._remember(call, received, answer)
            await self._reply(call, answer)

    async def _reply(self, call: Call, answer: Result | Failure) -> None:
        outcome = answer.code if isinstance(answer, Failure) else "ok"
        # An unknown action may have any name, and each name would be another series.
        self._counted(NO_ACTION if outcome == UNKNOWN_ACTION else call.action, outcome)
        await self._send(answer)

    def _remember(self, call: Call, received: bytes, answer: Result | Failure) -> None:
        self._answered[call.id] = (received, answer)
        self._answered.move_to_end(call.id)
        if len(self._answered) > _ANSWERS_KEPT:
            self._answered.popitem(last=False)

    async def _send(self, frame: Frame) -> None:
        try:
            await self._socket.send(write_frame(frame))
        except ConnectionClosed:
            raise ConnectionError("the charger has gone") from None


def _hash(data: str | bytes) -> bytes:
    """Identifies a repeated message without keeping the message, which may be large."""
    return hashlib.sha256(data if isinstance(data, bytes) else data.encode()).digest()


class Pace:
    """How fast a charger may send. Pure: time is passed in."""

    def __init__(self, now: float) -> None:
        self._allowance = MESSAGES_AT_ONCE
        self._at = now

    def pause(self, now: float) -> float:
        """How long to wait before the message that has just arrived is handled."""
        self._allowance = min(MESSAGES_AT_ONCE, self._allowance + (now - self._at) * MESSAGES_A_SECOND) - 1
        self._at = now
        return max(0.0, -self._allowance / MESSAGES_A_SECOND)
