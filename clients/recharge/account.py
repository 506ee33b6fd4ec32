"""An account's connection to the broker: its requests, its events, its presence."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from types import TracebackType
from typing import Any, Final, Self

import msgspec

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.paho_client import Protocol
from cloud_service.mqtt.requester import Requester
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message
from cloud_service.protocol.roles import is_account_name
from recharge.records import Event

log = logging.getLogger(__name__)

MOST_EVENTS: Final = 1_000
"""Events that wait for their reader; beyond this the oldest is dropped."""

_ONLINE: Final = b'{"online": true}'
_OFFLINE: Final = b'{"online": false}'
_RETAINED_SECONDS: Final = 2.0
_read_event: Final = msgspec.json.Decoder(Event).decode


class MQTTClient:
    """`async with MQTTClient(...)`: online, with a last will, for as long as the block lasts.

    `name` is the account's and, unless `client_id` says otherwise, the client ID. At most `limit` requests
    are outstanding; the rest waits its turn. Without `presence` nobody is told that the account is online.
    `events_of` is for operators, who may follow another account's events.
    """

    def __init__(
        self,
        name: str,
        broker: BrokerAddress,
        *,
        protocol: Protocol = "mqtt5",
        client_id: str | None = None,
        limit: int = 100,
        presence: bool = True,
        events_of: str | None = None,
    ) -> None:
        if not is_account_name(name):
            raise ValueError(f"{name!r} is no account's name: 1 to 64 of A-Z, a-z, 0-9, _ and - are")
        if broker.user not in (None, name):
            raise ValueError(f"the account {broker.user} can only speak under its own name, not as {name}")
        if broker.password is not None:
            broker = msgspec.structs.replace(broker, user=name)
        self._event_topics = topics.event(events_of or name, "")
        self._events: asyncio.Queue[Event | None] = asyncio.Queue(MOST_EVENTS)
        self._awaited: dict[str, asyncio.Future[bytes]] = {}
        self._requester = Requester(
            broker,
            name,
            client_id=client_id,
            protocol=protocol,
            limit=limit,
            subscriptions=[topics.event(events_of or name, "+")],
            on_message=self._receive,
            birth=Message(topics.presence(name), _ONLINE, retain=True) if presence else None,
            will=Message(topics.presence(name), _OFFLINE, retain=True) if presence else None,
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
        return self._requester.connection.connected

    async def request(self, action: str, values: Mapping[str, Any], seconds: float) -> Any:
        """The reply's result. Raises RequestError for a refusal, OutcomeUnknown where no reply came."""
        return await self._requester.request(action, values, timeout=seconds)

    async def events(self) -> AsyncIterator[Event]:
        """What the service tells this account from now on. For one reader; ends with the connection."""
        while (event := await self._events.get()) is not None:
            yield event

    async def retained(self, topic: str) -> bytes | None:
        """What the broker keeps on this topic; None where it keeps nothing. For one caller at a time."""
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
        arrived = self._awaited.get(message.topic)
        if arrived is not None:
            if not arrived.done():
                arrived.set_result(message.payload)
            return
        if not message.topic.startswith(self._event_topics):
            return
        try:
            self._put(_read_event(message.payload))
        except msgspec.MsgspecError as error:
            log.warning("an event on %s could not be read: %s", message.topic, error)

    def _put(self, event: Event | None) -> None:
        if self._events.full():
            dropped = self._events.get_nowait()
            log.warning("nobody reads %s: dropped %s", self._event_topics, dropped and dropped.type)
        self._events.put_nowait(event)
