"""Requests as their clients saw them: invoked, then answered, refused, or left without an answer."""

import time
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias
from uuid import uuid4

from msgspec import Struct

from cloud_service.mqtt.requester import OutcomeUnknown, Requester
from cloud_service.protocol.errors import RequestError
from recharge import tcp as legacy
from recharge.errors import CutReply
from tests.kit.processes import HOST

Outcome: TypeAlias = Literal["invoked", "answered", "refused", "unknown"]


class Call(Struct):
    """A request. Times are seconds of a clock that only runs forward."""

    client: str
    request_id: str | None
    """None for legacy clients, which have none."""
    action: str
    values: dict[str, Any]
    invoked: float
    finished: float = 0.0
    outcome: Outcome = "invoked"
    result: Any = None
    """Of an answered one; the code of a refused one."""

    @property
    def is_change(self) -> bool:
        return not self.action.startswith(("find", "receive"))

    @property
    def seconds(self) -> float:
        return self.finished - self.invoked


class Record:
    """All calls of a run, in the order of their beginnings."""

    def __init__(self) -> None:
        self.calls: list[Call] = []

    def __getitem__(self, outcome: Outcome) -> list[Call]:
        return [call for call in self.calls if call.outcome == outcome]

    def begin(self, client: str, request_id: str | None, action: str, values: Mapping[str, Any]) -> Call:
        call = Call(client, request_id, action, dict(values), time.monotonic())
        self.calls.append(call)
        return call


class Client:
    """An account or a legacy client whose requests are recorded."""

    def __init__(self, record: Record, name: str) -> None:
        self.name = name
        self._record = record

    async def ask(self, action: str, values: Mapping[str, Any], timeout: float = 8.0) -> Call:
        """Asks once, with the product client's full timeout."""
        raise NotImplementedError

    async def _note(self, call: Call, answer: Any) -> Call:
        try:
            call.result, call.outcome = await answer, "answered"
        except RequestError as error:
            if error.code == "INTERNAL":
                raise AssertionError(f"the service has a fault: {call}") from error
            # An earlier copy may have taken effect: BUSY is sent without looking for the request record.
            call.result, call.outcome = error.code, "unknown" if error.retryable else "refused"
        except (OutcomeUnknown, ConnectionError) as error:
            call.result, call.outcome = str(error), "unknown"
        call.finished = time.monotonic()
        return call


class MQTTClient(Client):
    """Asks under IDs, and can ask again under the same."""

    def __init__(self, record: Record, name: str, requester: Requester) -> None:
        super().__init__(record, name)
        self._requester = requester

    async def ask(self, action: str, values: Mapping[str, Any], timeout: float = 8.0) -> Call:
        call = self._record.begin(self.name, uuid4().hex, action, values)
        return await self._note(call, self._request(call, timeout))

    async def ask_again(self, call: Call, timeout: float = 8.0) -> Call:
        """The same request under the same ID; not part of the record."""
        again = Call(call.client, call.request_id, call.action, call.values, time.monotonic())
        return await self._note(again, self._request(again, timeout))

    async def _request(self, call: Call, timeout: float) -> Any:
        return await self._requester.request(
            call.action, call.values, request_id=call.request_id, timeout=timeout
        )


class LegacyClient(Client):
    """Asks once, over TCP, and may never learn what became of it.

    What comes is a whole reply or nothing, unless the gateway itself is killed.
    """

    def __init__(self, record: Record, name: str, port: int, *, gateway_killed: bool = False) -> None:
        super().__init__(record, name)
        self._port = port
        self._gateway_killed = gateway_killed

    async def ask(self, action: str, values: Mapping[str, Any], timeout: float = 15.0) -> Call:
        call = self._record.begin(self.name, None, action, values)
        return await self._note(call, self._request(call, timeout))

    async def _request(self, call: Call, timeout: float) -> Any:
        try:
            return await legacy.request(call.action, call.values, host=HOST, port=self._port, seconds=timeout)
        except CutReply as error:
            if self._gateway_killed:
                raise
            raise AssertionError(
                f"the gateway sent something that is not a reply: {call}: {error}"
            ) from error
