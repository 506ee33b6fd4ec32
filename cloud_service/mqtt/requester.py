"""Sends requests over MQTT and returns their results. Sends a request again if that may help."""

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
from cloud_service.protocol.requests import Request

log = logging.getLogger(__name__)

EXPIRY_MARGIN_SECONDS: Final = 2.0
"""A request expires this long before its timeout, which leaves time for the reply (contract, section 2)."""
FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 2.0
PATIENCE_SECONDS: Final = 3.0
"""How long to wait for a reply before the request is sent again; it doubles each time. A broker that has
lost its sessions accepts requests before the service subscribes, and delivers them to nobody."""


class OutcomeUnknown(Exception):
    """No reply arrived in time: the request may or may not have taken effect."""


class _Exchange:
    """A request that awaits its reply."""

    def __init__(self, message: Message, expires_at: float) -> None:
        self.message = message
        self.expires_at = expires_at
        """Unix time in seconds."""
        self.sent: asyncio.Future[None] | None = None
        self._outcome: asyncio.Future[Reply | None] | None = None

    def begin(self) -> "asyncio.Future[Reply | None]":
        """Returns a future for the outcome of one attempt: a reply, or None if another attempt is needed."""
        self._outcome = asyncio.get_running_loop().create_future()
        return self._outcome

    def resolve(self, outcome: Reply | None) -> None:
        if self._outcome is not None and not self._outcome.done():
            self._outcome.set_result(outcome)

    def fail(self, sent: "asyncio.Future[None]") -> None:
        """Passes on the error of a message that could not be sent."""
        if sent.cancelled() or self._outcome is None or self._outcome.done():
            return
        error = sent.exception()
        if error is not None:
            self._outcome.set_exception(error)


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
            on_connect=self._send_acknowledged_again,
            birth=birth,
            will=will,
        )
        self._client = client
        self._protocol = protocol
        self._on_message = on_message
        self._patience = patience
        self._slots = asyncio.Semaphore(limit)
        self._exchanges: dict[bytes, _Exchange] = {}
        """By request ID."""

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
        deadline = asyncio.get_running_loop().time() + timeout
        margin = min(EXPIRY_MARGIN_SECONDS, timeout / 2)
        expires_at = time.time() + timeout - margin
        request_id = request_id or uuid4().hex
        key = request_id.encode()
        if key in self._exchanges:
            raise ValueError(f"the request ID {request_id!r} is in use by a request that awaits its reply")
        message = Message(
            topics.request(action, self._client),
            self._body(values, request_id, expires_at),
            correlation=key,
            response_topic=self.reply_topic,
        )
        exchange = self._exchanges[key] = _Exchange(message, expires_at)
        try:
            await self._wait_for_slot(action, deadline - margin)
            try:
                async with asyncio.timeout_at(deadline):
                    return await self._exchange(exchange, retry)
            except TimeoutError:
                raise OutcomeUnknown(f"no reply to {action} {request_id} within {timeout:g} s") from None
            finally:
                self._slots.release()
        finally:
            del self._exchanges[key]

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

    async def _exchange(self, exchange: _Exchange, retry: bool) -> Any:
        pause, patience = FIRST_PAUSE_SECONDS, self._patience
        while True:
            reply = await self._attempt(exchange, patience)
            if reply is None:
                patience *= 2
                continue
            error = reply.error
            if error is None:
                return reply.result
            wait = pause * random.uniform(0.5, 1)
            if not retry or not error.retryable or time.time() + wait >= exchange.expires_at:
                raise error
            await asyncio.sleep(wait)
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)

    async def _attempt(self, exchange: _Exchange, patience: float) -> Reply | None:
        """Sends the request, unless it has expired, and returns the reply; None if it is to be sent again."""
        outcome = exchange.begin()
        seconds_left = exchange.expires_at - time.time()
        if seconds_left <= 0:
            return await outcome
        message = msgspec.structs.replace(exchange.message, expiry=math.ceil(seconds_left))
        sent = exchange.sent = self.connection.send(message)
        sent.add_done_callback(exchange.fail)
        try:
            while not outcome.done():
                await asyncio.wait([outcome], timeout=patience)
                if sent.done():
                    exchange.resolve(None)
            return outcome.result()
        finally:
            sent.cancel()

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
        exchange = self._exchanges.get(key)
        if exchange is not None:
            exchange.resolve(reply)

    def _send_acknowledged_again(self) -> None:
        """A lost connection may have lost replies. The connection itself repeats unacknowledged messages."""
        for exchange in self._exchanges.values():
            if exchange.sent is not None and exchange.sent.done():
                exchange.resolve(None)
