"""Requests over MQTT: asks, waits for the reply, asks again where that may help."""

import asyncio
import logging
import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from secrets import token_hex
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

import msgspec

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.connection import AsyncConnection
from cloud_service.mqtt.paho_client import Protocol
from cloud_service.protocol import topics
from cloud_service.protocol.errors import Busy, RequestError
from cloud_service.protocol.messages import Message
from cloud_service.protocol.replies import Reply, decode_reply

log = logging.getLogger(__name__)

EXPIRY_MARGIN: Final = 2.0
"""Seconds before a request's timeout from which on it is to have no effect any more."""
FIRST_PAUSE: Final = 0.1
LONGEST_PAUSE: Final = 2.0
PATIENCE: Final = 3.0
"""Seconds of silence after which a request is asked again; twice as many after that, and so on. A broker that
lost its sessions takes requests for a service that has not subscribed yet, and nobody ever gets them."""


class OutcomeUnknown(Exception):
    """No reply came in time: the request may or may not have taken effect."""


class _Pending:
    """A request that waits. Its outcome is the reply, or None where the connection was renewed meanwhile."""

    def __init__(self, request_id: str, topic: str, body: bytes, expires: float) -> None:
        self.request_id = request_id
        self.topic = topic
        self.body = body
        self.expires = expires
        self.sent: asyncio.Future[None] | None = None
        self.outcome: asyncio.Future[Reply | None] | None = None

    def settle(self, outcome: Reply | None) -> None:
        if self.outcome is not None and not self.outcome.done():
            self.outcome.set_result(outcome)

    def note_sent(self, sent: "asyncio.Future[None]") -> None:
        if sent.cancelled() or self.outcome is None or self.outcome.done():
            return
        error = sent.exception()
        if error is not None:
            self.outcome.set_exception(error)


class Requester:
    """One account's requests, up to `limit` at once over one connection; what has no room waits its turn.

    `client` is the account's name. What the account subscribes to and publishes besides goes over the same
    connection: `subscriptions`, `on_message`, `birth` and `will` are AsyncConnection's.
    """

    def __init__(
        self,
        address: BrokerAddress,
        client: str,
        *,
        client_id: str | None = None,
        protocol: Protocol = "mqtt5",
        limit: int = 100,
        patience: float = PATIENCE,
        subscriptions: Sequence[str] = (),
        on_message: Callable[[Message], None] | None = None,
        birth: Message | Callable[[], Message] | None = None,
        will: Message | Callable[[], Message] | None = None,
    ) -> None:
        self.reply_topic = f"{topics.reply(client)}/{token_hex(8)}"
        self.connection = AsyncConnection(
            address,
            client_id or client,
            protocol=protocol,
            subscriptions=(self.reply_topic, *subscriptions),
            on_message=self._receive,
            on_connect=self._ask_again,
            birth=birth,
            will=will,
        )
        self._client = client
        self._protocol = protocol
        self._on_message = on_message
        self._patience = patience
        self._room = asyncio.Semaphore(limit)
        self._pending: dict[str, _Pending] = {}

    async def __aenter__(self) -> Self:
        await self.connection.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.connection.__aexit__(kind, error, trace)

    async def request(
        self,
        action: str,
        values: Mapping[str, Any],
        *,
        request_id: str | None = None,
        timeout: float = 10.0,  # noqa: ASYNC109 (the reply's deadline is part of the request)
        retry: bool = True,
    ) -> Any:
        """The reply's result.

        Where the service or the broker is away or silent, or asks to come again later, the request is asked
        again, with the same ID, until `timeout` seconds have passed. Raises the reply's RequestError, or Busy
        where the request never left for want of room; OutcomeUnknown where no reply came in time;
        ConnectionError where the broker refused the request or the connection was closed; ValueError for an
        ID that is in use.
        """
        request_id = request_id or uuid4().hex
        if request_id in self._pending:
            raise ValueError(f"the request ID {request_id!r} is already waiting for its reply")
        deadline = asyncio.get_running_loop().time() + timeout
        margin = min(EXPIRY_MARGIN, timeout / 2)
        expires = time.time() + timeout - margin
        body = self._body(values, request_id, expires)
        pending = _Pending(request_id, topics.request(action, self._client), body, expires)
        self._pending[request_id] = pending
        try:
            await self._enter(action, deadline - margin)
            try:
                async with asyncio.timeout_at(deadline):
                    return await self._ask(pending, retry)
            except TimeoutError:
                raise OutcomeUnknown(f"no reply to {action} {request_id} within {timeout:g} s") from None
            finally:
                self._room.release()
        finally:
            del self._pending[request_id]

    async def _enter(self, action: str, deadline: float) -> None:
        try:
            async with asyncio.timeout_at(deadline):
                await self._room.acquire()
        except TimeoutError:
            raise Busy(f"too many requests are waiting: {action} was not sent") from None

    def _body(self, values: Mapping[str, Any], request_id: str, expires: float) -> bytes:
        envelope: dict[str, Any] = {"expiresAt": int(expires * 1000)}
        if self._protocol == "mqtt311":
            envelope |= {"requestID": request_id, "replyTo": self.reply_topic}
        return msgspec.json.encode({**values, **envelope})

    async def _ask(self, pending: _Pending, retry: bool) -> Any:
        pause, patience = FIRST_PAUSE, self._patience
        while True:
            reply = await self._attempt(pending, patience)
            if reply is None:
                patience *= 2
                continue
            if reply.error is None:
                return reply.result
            wait = pause * random.uniform(0.5, 1)
            if not retry or not reply.error.retryable or time.time() + wait >= pending.expires:
                raise reply.error
            await asyncio.sleep(wait)
            pause = min(pause * 2, LONGEST_PAUSE)

    async def _attempt(self, pending: _Pending, patience: float) -> Reply | None:
        """Sends the request unless it has expired, and waits for what comes of it; None to ask again."""
        pending.outcome = asyncio.get_running_loop().create_future()
        remaining = pending.expires - time.time()
        if remaining <= 0:
            return await pending.outcome
        pending.sent = self.connection.send(self._message(pending, remaining))
        pending.sent.add_done_callback(pending.note_sent)
        try:
            while not pending.outcome.done():
                await asyncio.wait([pending.outcome], timeout=patience)
                if pending.sent.done() and not pending.outcome.done():
                    return None
            return pending.outcome.result()
        finally:
            pending.sent.cancel()

    def _message(self, pending: _Pending, remaining: float) -> Message:
        if self._protocol == "mqtt311":
            return Message(pending.topic, pending.body)
        return Message(
            pending.topic,
            pending.body,
            correlation=pending.request_id.encode(),
            response_topic=self.reply_topic,
            expiry=math.ceil(remaining),
        )

    def _receive(self, message: Message) -> None:
        if message.topic != self.reply_topic:
            if self._on_message is not None:
                self._on_message(message)
            return
        try:
            reply = decode_reply(message.payload)
        except RequestError as error:
            log.warning("a reply could not be read: %s", error)
            return
        request_id = reply.request_id if message.correlation is None else message.correlation.decode()
        pending = self._pending.get(request_id or "")
        if pending is not None:
            pending.settle(reply)

    def _ask_again(self) -> None:
        """A reply may be lost with a connection. What the broker did not acknowledge goes out again."""
        for pending in self._pending.values():
            if pending.sent is not None and pending.sent.done():
                pending.settle(None)
