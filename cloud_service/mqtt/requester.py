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
from msgspec import Struct

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.async_connection import AsyncConnection
from cloud_service.mqtt.attempt import Attempt, Lookout, NoReply, Outcome
from cloud_service.mqtt.backoff import Backoff
from cloud_service.mqtt.service_clock import TOPIC as SERVICE_CLOCK_TOPIC
from cloud_service.mqtt.service_clock import ClockDifference, ServiceClock
from cloud_service.mqtt.version import Protocol
from cloud_service.protocol import topics
from cloud_service.protocol.actions import ACTIONS, find_action
from cloud_service.protocol.errors import Busy, RequestError
from cloud_service.protocol.messages import Message
from cloud_service.protocol.replies import Reply, decode_reply
from cloud_service.protocol.requests import Request

log = logging.getLogger(__name__)

EXPIRY_MARGIN_SECONDS: Final = 2.0
"""A request expires this long before its timeout, which leaves time for the reply."""
FIRST_PAUSE_SECONDS: Final = 0.1
LONGEST_PAUSE_SECONDS: Final = 2.0
PATIENCE_SECONDS: Final = 3.0
"""From the broker's acknowledgement until a request without a reply is sent again; it doubles each time. A
broker that lost its sessions acknowledges requests before the service subscribes, and drops them."""

ABSENCE_SECONDS: Final = 3.0
"""For how long nobody may receive a request, as while the service connects, before that is an error."""


class OutcomeUnknown(Exception):
    """No reply arrived in time: the request may or may not have taken effect."""


class ClocksDiffer(OutcomeUnknown):
    """No reply arrived in time, and the reason may be the clock: the request says when it expires.

    The clock is `ahead` seconds ahead of the service's; a negative number means that it is behind.
    """

    def __init__(self, message: str, ahead: float) -> None:
        super().__init__(message)
        self.ahead = ahead


class NobodyListens(ConnectionError):
    """The broker passed the request on to nobody, so it had no effect."""


class _Times(Struct, frozen=True):
    """Of a request, on the loop's clock: until when it may be sent, and until when its reply may arrive."""

    valid_until: float
    deadline: float


class _Absence:
    """Whether it is an error that nobody receives a request. Never, once somebody may have received it."""

    def __init__(self, error_at: float) -> None:
        self._error_at = error_at

    def end(self) -> None:
        self._error_at = math.inf

    def check(self, now: float, *, last: bool) -> None:
        """Nobody has received the request once more. Raises NobodyListens if that has lasted too long.

        With `last` there is no time left to send it again.
        """
        if now >= self._error_at or (last and self._error_at < math.inf):
            raise NobodyListens(
                "nobody receives requests at this broker, so this one had no effect: is the cloud service"
                " running, and connected to the same broker?"
            )


class Requester:
    """Sends the requests of one account, at most `limit` at a time; further ones wait for a slot.

    `client` is the account's name. A request that nobody receives is an error after `absence` seconds. The
    connection also serves the account's other messages: `subscriptions`, `on_message`, `birth` and `will`
    are those of AsyncConnection.

    On MQTT 5 a request is valid for so many seconds, whatever the clocks say. On MQTT 3.1.1, and with
    `states_expiry`, its key `expiresAt` says until when, by `wall_clock`; then the requester follows the
    service's presence, and says when the clocks differ.

    With `speaks_for_others`, requests may be those of other accounts, if the broker lets this one send them.
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
        absence: float = ABSENCE_SECONDS,
        states_expiry: bool = False,
        wall_clock: Callable[[], float] = time.time,
        subscriptions: Sequence[str] = (),
        on_message: Callable[[Message], None] | None = None,
        birth: Message | Callable[[], Message] | None = None,
        will: Message | Callable[[], Message] | None = None,
        speaks_for_others: bool = False,
    ) -> None:
        token = token_hex(8)
        self.reply_topic = f"{topics.reply(client)}/{token}"
        self._below_others = f"/{client}/{token}"
        """Where the replies to the requests of other accounts arrive, below their own reply topics."""
        self._states_expiry = states_expiry or protocol == "mqtt311"
        own_subscriptions = (self.reply_topic, *([SERVICE_CLOCK_TOPIC] if self._states_expiry else []))
        self.connection = AsyncConnection(
            address,
            client_id or client,
            protocol=protocol,
            subscriptions=(
                *own_subscriptions,
                *([topics.reply("+") + self._below_others] if speaks_for_others else []),
                *subscriptions,
            ),
            on_message=self._receive,
            on_connect=self._send_again,
            birth=birth,
            will=will,
        )
        self._client = client
        self._protocol = protocol
        self._wall_clock = wall_clock
        self._service_clock = ServiceClock()
        self._clock_was_wrong = False
        self._on_message = on_message
        self._patience = patience
        self._absence = absence
        self._slots = asyncio.Semaphore(limit)
        self._attempts: dict[bytes, Attempt | None] = {}
        """The latest attempt of each request, by request ID."""
        self._lookout = Lookout()

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
        client: str | None = None,
    ) -> Any:
        """Returns the reply's result. `values` has the action's keys, `timeout` is in seconds.

        `client` is the account that asks, by default our own. Its IDs must differ from those of all others.

        Sends the request again under the same ID while the service does not reply or asks to come back later,
        until `timeout`. Raises the reply's RequestError, and Busy if no slot was free; OutcomeUnknown if no
        reply arrived in time; ConnectionError if the broker refused the request, nobody receives it or the
        connection was closed; BadRequest for an unknown action; ValueError for an ID that is in use.
        """
        request_id = request_id or uuid4().hex
        key = request_id.encode()
        if key in self._attempts:
            raise ValueError(f"the request ID {request_id!r} is in use by a request that awaits its reply")
        begun = asyncio.get_running_loop().time()
        margin = min(EXPIRY_MARGIN_SECONDS, timeout / 2)
        times = _Times(begun + timeout - margin, begun + timeout)
        reply_topic = self.reply_topic if client is None else topics.reply(client) + self._below_others
        message = Message(
            find_action(action, ACTIONS).topic(client or self._client),
            self._body(values, request_id, reply_topic, valid_for=timeout - margin),
            correlation=key,
            response_topic=reply_topic,
        )
        self._attempts[key] = None
        try:
            if self._slots.locked():
                await self._wait_for_slot(action, times.valid_until)
            else:
                await self._slots.acquire()
            try:
                reply = await self._ask(key, message, times, retry)
            finally:
                self._slots.release()
        finally:
            del self._attempts[key]
        if reply is None:
            raise self._no_reply(f"no reply to {action} {request_id} within {timeout:g} s")
        return reply.result

    async def _wait_for_slot(self, action: str, deadline: float) -> None:
        try:
            async with asyncio.timeout_at(deadline):
                await self._slots.acquire()
        except TimeoutError:
            raise Busy(f"too many requests await their replies: {action} was not sent") from None

    def _no_reply(self, what: str) -> OutcomeUnknown:
        difference = self._service_clock.difference
        if difference is None:
            return OutcomeUnknown(what)
        return ClocksDiffer(f"{what}: {self._about_clocks(difference)}", difference.ahead)

    def _about_clocks(self, difference: ClockDifference) -> str:
        effect = "take effect later than they should" if difference.ahead > 0 else "expire early or at once"
        remedy = "set the clock, or use MQTT 5" if self._protocol == "mqtt311" else "set the clock"
        return f"{difference}, so requests may {effect}; {remedy}"

    def _body(
        self, values: Mapping[str, Any] | Request, request_id: str, reply_topic: str, *, valid_for: float
    ) -> bytes:
        members = msgspec.to_builtins(values) if isinstance(values, Request) else values
        envelope: dict[str, Any] = {}
        if self._states_expiry:
            envelope["expiresAt"] = int((self._wall_clock() + valid_for) * 1000)
        if self._protocol == "mqtt311":  # which has no properties
            envelope |= {"requestID": request_id, "replyTo": reply_topic}
        return msgspec.json.encode({**members, **envelope})

    async def _ask(self, key: bytes, message: Message, times: _Times, retry: bool) -> Reply | None:
        """Returns the reply that is no error, or None at the deadline."""
        loop = asyncio.get_running_loop()
        backoff = Backoff(FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, jitter=True)
        patience = self._patience
        absence = _Absence(loop.time() + self._absence)
        while True:
            outcome = await self._attempt(key, message, times, patience)
            match outcome:
                case Reply(ok=True):
                    return outcome
                case Reply(error=RequestError() as error):
                    pause = backoff.next_pause()
                    if not retry or not error.retryable or loop.time() + pause >= times.valid_until:
                        raise error
                case NoReply.SILENCE:
                    absence.end()
                    patience *= 2
                    pause = 0.0
                case NoReply.UNHEARD:
                    pause = backoff.next_pause()
                    now = loop.time()
                    absence.check(now, last=now + pause >= times.valid_until)
                case NoReply.UNHEARD_NOW:
                    absence.end()
                    pause = backoff.next_pause()
                case NoReply.TOO_LATE:
                    return None
            if pause:
                await asyncio.sleep(min(pause, times.deadline - loop.time()))

    async def _attempt(self, key: bytes, message: Message, times: _Times, patience: float) -> Outcome:
        """Sends the request unless it has expired: then only the reply to an earlier attempt can arrive."""
        loop = asyncio.get_running_loop()
        now = loop.time()
        attempt = self._attempts[key] = Attempt(loop, now, patience, times.deadline)
        self._lookout.add(attempt)
        try:
            if now < times.valid_until:
                attempt.send(self.connection, message, times.valid_until)
            return await attempt.outcome
        finally:
            self._lookout.remove(attempt)
            attempt.withdraw()

    def _receive(self, message: Message) -> None:
        if message.topic == SERVICE_CLOCK_TOPIC and self._states_expiry:
            self._compare_clocks(message)
        if message.topic != self.reply_topic and not message.topic.endswith(self._below_others):
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

    def _compare_clocks(self, presence: Message) -> None:
        self._service_clock.note(presence, self._wall_clock())
        difference = self._service_clock.difference
        if difference is not None and not difference.at_least and not self._clock_was_wrong:
            log.warning("%s", self._about_clocks(difference))
        self._clock_was_wrong = difference is not None and not difference.at_least

    def _send_again(self) -> None:
        """After a reconnect: replies to what the broker has acknowledged may be lost."""
        for attempt in self._attempts.values():
            if attempt is not None and attempt.acknowledged:
                attempt.resolve(NoReply.SILENCE)
