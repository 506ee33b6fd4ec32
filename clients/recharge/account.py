"""An account's connection to the broker: its requests, its events, its presence."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Final, Self, get_args

import msgspec

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.requester import Requester
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message
from cloud_service.protocol.presence import client_presence
from recharge.arguments import (
    InvalidArgument,
    check_account,
    check_broker,
    check_choice,
    check_client_id,
    check_count,
)
from recharge.records import Event, MQTTProtocol

log = logging.getLogger(__name__)

MAX_UNREAD_EVENTS: Final = 1_000
"""When more events are unread, the oldest is dropped."""

STATE_FOLLOWS_SECONDS: Final = 1.0
"""How long the retained state may take to follow a reply or an event (docs/mqtt.md, Retained state)."""

_RETAINED_SECONDS: Final = 2.0
_decode_event: Final = msgspec.json.Decoder(Event).decode


class AccountConnection:
    """`async with AccountConnection(...)`: connected, and reconnected when the connection is lost.

    `name` is the account and, without a `client_id`, the MQTT client ID. At most `limit` requests are
    outstanding; further ones wait. With `presence` the account is announced as online, and as offline by
    its last will. `events_of` lets an operator follow another account's events.
    """

    def __init__(
        self,
        name: str,
        broker: BrokerAddress,
        *,
        protocol: MQTTProtocol = "mqtt5",
        client_id: str | None = None,
        limit: int = 100,
        presence: bool = True,
        events_of: str | None = None,
    ) -> None:
        check_account(name)
        check_broker(broker)
        check_choice("protocol", protocol, get_args(MQTTProtocol))
        check_client_id(client_id)
        check_count("limit", limit)
        if broker.user not in (None, name):
            raise InvalidArgument(
                "the account {user} cannot act as {name}: the names must be the same",
                user=broker.user,
                name=name,
            )
        if broker.password is not None:
            broker = msgspec.structs.replace(broker, user=name)
        self._event_topics = topics.event(events_of or name, "")
        self._events: asyncio.Queue[Event | None] = asyncio.Queue(MAX_UNREAD_EVENTS)
        self._awaited: dict[str, asyncio.Future[bytes]] = {}
        self._requester = Requester(
            broker,
            name,
            client_id=client_id,
            protocol=protocol,
            limit=limit,
            subscriptions=[topics.event(events_of or name, "+")],
            on_message=self._receive,
            birth=client_presence(name, online=True) if presence else None,
            will=client_presence(name, online=False) if presence else None,
        )

    async def __aenter__(self) -> Self:
        await self._requester.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._requester.__aexit__(kind, error, trace)
        self._put(None)

    @property
    def connected(self) -> bool:
        """False while a lost connection is being restored."""
        return self._requester.connection.connected

    async def request(self, action: str, values: Mapping[str, Any], seconds: float) -> Any:
        """Returns the reply's result. Raises RequestError, OutcomeUnknown or ConnectionError."""
        return await self._requester.request(action, values, timeout=seconds)

    async def events(self) -> AsyncIterator[Event]:
        """Yields the account's events until the connection is closed. Supports one reader."""
        while (event := await self._events.get()) is not None:
            yield event

    async def retained(self, topic: str) -> bytes | None:
        """Returns the retained message on this topic, or None without one. Not for concurrent calls."""
        connection = self._requester.connection
        arrived: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        self._awaited[topic] = arrived
        connection.watch(topic)
        try:
            async with asyncio.timeout(_RETAINED_SECONDS):
                return await arrived
        except TimeoutError:
            return None
        finally:
            del self._awaited[topic]
            connection.unwatch(topic)

    def _receive(self, message: Message) -> None:
        awaited = self._awaited.get(message.topic)
        if awaited is not None:
            if not awaited.done():
                awaited.set_result(message.payload)
        elif message.topic.startswith(self._event_topics):
            self._receive_event(message)

    def _receive_event(self, message: Message) -> None:
        try:
            self._put(_decode_event(message.payload))
        except msgspec.MsgspecError as error:
            log.warning("an event on %s is not valid: %s", message.topic, error)

    def _put(self, event: Event | None) -> None:
        if self._events.full():
            dropped = self._events.get_nowait()
            log.warning("too many unread events on %s: dropped %s", self._event_topics, dropped)
        self._events.put_nowait(event)
