"""Sends requests over MQTT and returns their results. Sends a request again if that may help."""

import asyncio
import logging
import math
import time
from collections.abc import Callable, Mapping, Sequence
from secrets import token_hex
from types import TracebackType
from typing import Any, Final, Self
from uuid import uuid4

import msgspec

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.mqtt.backoff import Backoff
from cloud_service.mqtt.version import Protocol
from cloud_service.protocol import topics
from cloud_service.protocol.actions import ACTIONS
from cloud_service.protocol.errors import Busy, RequestError
from cloud_service.protocol.messages import Message
from cloud_service.protocol.replies import Reply, decode_reply
from cloud_service.protocol.requests import Request

log = logging.getLogger(__name__)

EXPIRY_MARGIN_SECONDS: Final = 2.0
"""A request expires this long before its timeout, which leaves time for the reply (contract, section 2)."""
FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 2.0
PATIENCE_SECONDS: Final = 3.0
"""From the broker's acknowledgement until a request without a reply is sent again; it doubles each time. A
broker that lost its sessions acknowledges requests before the service subscribes, and drops them."""


class OutcomeUnknown(Exception):
    """No reply arrived in time: the request may or may not have taken effect."""


class _Attempt:
    """One delivery of a request to the broker, and what comes of it.

    The outcome is the reply, or None if the request should be sent again.
    """

    def __init__(self, acknowledged: "asyncio.Future[None] | None", patience: float) -> None:
        self.outcome: asyncio.Future[Reply | None] = asyncio.get_running_loop().create_future()
        self._acknowledged = acknowledged
        self._patience = patience
        self._silence: asyncio.TimerHandle | None = None
        if acknowledged is not None:
            acknowledged.add_done_callback(self._note_acknowledged)

    @property
    def acknowledged(self) -> bool:
        """Whether the broker has the request. Otherwise the connection sends it when it can."""
        return self._acknowledged is not None and self._acknowledged.done()

    def resolve(self, outcome: Reply | None) -> None:
        if not self.outcome.done():
            self.outcome.set_result(outcome)

    def close(self) -> None:
        """Withdraws the request if it was not sent yet."""
        if self._acknowledged is not None:
            self._acknowledged.cancel()
        if self._silence is not None:
            self._silence.cancel()

    def _note_acknowledged(self, acknowledged: "asyncio.Future[None]") -> None:
        if acknowledged.cancelled():
            return
        error = acknowledged.exception()
        if self.outcome.done():
            return
        if error is not None:
            self.outcome.set_exception(error)
        else:
            loop = asyncio.get_running_loop()
            self._silence = loop.call_later(self._patience, self.resolve, None)


class Requester:
    """Sends the requests of one account, at most `limit` at a time; further ones wait for a slot.

    `client` is the account's name. The connection also serves the account's other messages: `subscriptions`,
    `on_message`, `birth` and `will` are those of AsyncConnection.
    """

    def __init__(
        self,
        address: BrokerAddress,
        client: str,
        *,
        client_id: str | None = None,
        protocol: Protocol = "mqtt5",
        limit: int = 100,
        patience: float = PATIENCE_SECONDS,
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
            on_connect=self._send_again,
            birth=birth,
            will=will,
        )
        self._client = client
        self._protocol = protocol
        self._on_message = on_message
        self._patience = patience
        self._slots = asyncio.Semaphore(limit)
        self._attempts: dict[bytes, _Attempt | None] = {}
        """The latest attempt of each request, by request ID."""

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
        values: Mapping[str, Any] | Request,
        *,
        request_id: str | None = None,
        timeout: float = 10.0,  # noqa: ASYNC109 (the reply's deadline is part of the request)
        retry: bool = True,
    ) -> Any:
        """Returns the reply's result. `values` has the action's keys, `timeout` is in seconds.

        Sends the request again under the same ID while the service does not reply or asks to come back later,
        until `timeout`. Raises the reply's RequestError, and Busy if no slot was free; OutcomeUnknown if no
        reply arrived in time; ConnectionError if the broker refused the request or the connection was closed;
        ValueError for an ID that is in use.
        """
        request_id = request_id or uuid4().hex
        key = request_id.encode()
        if key in self._attempts:
            raise ValueError(f"the request ID {request_id!r} is in use by a request that awaits its reply")
        deadline = asyncio.get_running_loop().time() + timeout
        margin = min(EXPIRY_MARGIN_SECONDS, timeout / 2)
        expires_at = time.time() + timeout - margin
        message = Message(
            ACTIONS[action].topic(self._client),
            self._body(values, request_id, expires_at),
            correlation=key,
            response_topic=self.reply_topic,
        )
        self._attempts[key] = None
        try:
            await self._wait_for_slot(action, deadline - margin)
            try:
                async with asyncio.timeout_at(deadline):
                    return await self._ask(key, message, expires_at, retry)
            except TimeoutError:
                raise OutcomeUnknown(f"no reply to {action} {request_id} within {timeout:g} s") from None
            finally:
                self._slots.release()
        finally:
            del self._attempts[key]

    async def _wait_for_slot(self, action: str, deadline: float) -> None:
        try:
            async with asyncio.timeout_at(deadline):
                await self._slots.acquire()
        except TimeoutError:
            raise Busy(f"too many requests await their replies: {action} was not sent") from None

    def _body(self, values: Mapping[str, Any] | Request, request_id: str, expires_at: float) -> bytes:
        members = msgspec.to_builtins(values) if isinstance(values, Request) else values
        envelope: dict[str, Any] = {"expiresAt": int(expires_at * 1000)}
        if self._protocol == "mqtt311":  # which has no properties
            envelope |= {"requestID": request_id, "replyTo": self.reply_topic}
        return msgspec.json.encode({**members, **envelope})

    async def _ask(self, key: bytes, message: Message, expires_at: float, retry: bool) -> Any:
        backoff = Backoff(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, jitter=True)
        patience = self._patience
        while True:
            reply = await self._attempt(key, message, expires_at, patience)
            if reply is None:
                patience *= 2
                continue
            error = reply.error
            if error is None:
                return reply.result
            pause = backoff.next_pause()
            if not retry or not error.retryable or time.time() + pause >= expires_at:
                raise error
            await asyncio.sleep(pause)

    async def _attempt(
        self, key: bytes, message: Message, expires_at: float, patience: float
    ) -> Reply | None:
        """Sends the request unless it has expired: then only the reply to an earlier attempt can arrive."""
        seconds_left = expires_at - time.time()
        acknowledged = None
        if seconds_left > 0:
            message = msgspec.structs.replace(message, expiry=math.ceil(seconds_left))
            acknowledged = self.connection.send(message)
        attempt = self._attempts[key] = _Attempt(acknowledged, patience)
        try:
            return await attempt.outcome
        finally:
            attempt.close()

    def _receive(self, message: Message) -> None:
        if message.topic != self.reply_topic:
            if self._on_message is not None:
                self._on_message(message)
            return
        try:
            reply = decode_reply(message.payload)
        except RequestError as error:
            log.warning("discarded a message on the reply topic: %s", error)
            return
        key = (reply.request_id or "").encode() if message.correlation is None else message.correlation
        attempt = self._attempts.get(key)
        if attempt is not None:
            attempt.resolve(reply)

    def _send_again(self) -> None:
        """After a reconnect: replies to what the broker has acknowledged may be lost."""
        for attempt in self._attempts.values():
            if attempt is not None and attempt.acknowledged:
                attempt.resolve(None)
