"""A lasting connection to the broker for asyncio: it comes back by itself and loses nothing given to it."""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.asyncio_driver import GOODBYE_TIMEOUT, BrokerRefused, Driver
from cloud_service.mqtt.paho_client import Protocol
from cloud_service.protocol.messages import Message

log = logging.getLogger(__name__)

FIRST_PAUSE: Final = 0.2
LONGEST_PAUSE: Final = 30.0
STEADY: Final = 10.0
"""A connection that held for so many seconds was a good one: the next pause is the first again."""
IN_FLIGHT: Final = 20
"""Messages on their way to the broker and not acknowledged; the rest waits in order."""
_CLOSED: Final = "the connection to the broker is closed"
_OVERHEAD: Final = 1024
"""More than a packet has beside topic, payload and correlation data."""


class _Outgoing:
    """A message and its acknowledgement."""

    def __init__(self, message: Message, acknowledged: asyncio.Future[None]) -> None:
        self.message = message
        self.acknowledged = acknowledged


class AsyncConnection:
    """Connected and subscribed on entering, and from then on as far as possible.

    `birth` is published on each connect, `will` by the broker when the connection ends without a goodbye
    and by the connection itself on leaving; a function is asked for the message each time. `on_message` is
    called on the loop and must be quick; so is `on_connect`, each time that we are connected and subscribed.
    `session_expiry` is in seconds; with 0 the broker keeps nothing for us while we are away.
    """

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        *,
        protocol: Protocol = "mqtt5",
        subscriptions: Sequence[str] = (),
        on_message: Callable[[Message], None] | None = None,
        on_connect: Callable[[], None] | None = None,
        birth: Message | Callable[[], Message] | None = None,
        will: Message | Callable[[], Message] | None = None,
        session_expiry: int = 0,
    ) -> None:
        self._address = address
        self._client_id = client_id
        self._protocol: Protocol = protocol
        self._subscriptions = tuple(subscriptions)
        self._on_message = on_message
        self._on_connect = on_connect
        self._birth = birth
        self._will = will
        self._session_expiry = session_expiry
        self._driver: Driver | None = None
        self._open = False
        self._ready = asyncio.Event()
        self._waiting: deque[_Outgoing] = deque()
        self._in_flight: dict[int, _Outgoing] = {}
        self._staying: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Raises BrokerRefused or, where the broker is not reached, another ConnectionError."""
        driver = await self._connect()
        self._open = True
        self._staying = asyncio.create_task(self._stay(driver), name=f"mqtt {self._client_id}")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._staying is not None:
            self._staying.cancel()
            await asyncio.wait([self._staying])
        will = _message(self._will)
        if will is not None and self.connected:
            with suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(GOODBYE_TIMEOUT):
                    await self.publish(will)
        self._open = False
        self._ready.clear()
        if self._driver is not None:
            await self._driver.close()
        for outgoing in (*self._in_flight.values(), *self._waiting):
            if not outgoing.acknowledged.done():
                outgoing.acknowledged.set_exception(
                    ConnectionError("the connection to the broker was closed")
                )
        self._waiting.clear()
        self._in_flight.clear()

    @property
    def connected(self) -> bool:
        return self._ready.is_set()

    async def wait_connected(self) -> None:
        await self._ready.wait()

    def watch(self, topic: str) -> None:
        """Subscribes to one topic more while the connection lasts; not again after a reconnect."""
        if self._driver is not None:
            self._driver.watch(topic)

    def unwatch(self, topic: str) -> None:
        if self._driver is not None:
            self._driver.unwatch(topic)

    async def publish(self, message: Message) -> None:
        """Returns when the broker has acknowledged the message, however long it was away.

        Cancelling takes a message back that has not been sent. Raises BrokerRefused where the broker does not
        take it, ConnectionError where this connection is closed meanwhile.
        """
        await self.send(message)

    def send(self, message: Message) -> asyncio.Future[None]:
        """As publish, without waiting: the future is done when the broker has acknowledged the message."""
        acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._open:
            outgoing = _Outgoing(message, acknowledged)
            self._waiting.append(outgoing)
            acknowledged.add_done_callback(lambda _: self._forget(outgoing))
            self._pump()
        else:
            acknowledged.set_exception(ConnectionError(_CLOSED))
        return acknowledged

    def _forget(self, outgoing: _Outgoing) -> None:
        """Lets go of what was taken back while the broker is away: requests give up, and others come."""
        if outgoing.acknowledged.cancelled():
            with suppress(ValueError):
                self._waiting.remove(outgoing)

    async def _connect(self) -> Driver:
        driver = Driver(
            self._address,
            protocol=self._protocol,
            on_message=self._on_message or _ignore,
            on_published=self._note_published,
        )
        try:
            await driver.open(self._client_id, will=_message(self._will), session_expiry=self._session_expiry)
            await driver.subscribe(self._subscriptions)
        except BaseException:
            driver.abort()
            raise
        self._driver = driver
        birth = _message(self._birth)
        if birth is not None:
            acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            acknowledged.add_done_callback(_log_failure)
            self._waiting.appendleft(_Outgoing(birth, acknowledged))
        self._ready.set()
        self._pump()
        if self._on_connect is not None:
            self._on_connect()
        return driver

    async def _stay(self, driver: Driver) -> None:
        """Connects again whenever the connection ends, with a pause that grows."""
        loop = asyncio.get_running_loop()
        pause = FIRST_PAUSE
        while True:
            since = loop.time()
            reason = await asyncio.shield(driver.closed)
            self._lose()
            log.warning("the connection to the broker %s ended: %s", self._address, reason)
            if loop.time() - since >= STEADY:
                pause = FIRST_PAUSE
            driver, pause = await self._reconnect(pause)
            log.info("connected to the broker %s again", self._address)

    async def _reconnect(self, pause: float) -> tuple[Driver, float]:
        while True:
            await asyncio.sleep(pause * random.uniform(0.5, 1))
            pause = min(pause * 2, LONGEST_PAUSE)
            try:
                return await self._connect(), pause
            except ConnectionError as error:
                log.warning("%s; trying again", error)

    def _lose(self) -> None:
        """What was on its way goes out again first, in its order."""
        self._ready.clear()
        self._driver = None
        self._waiting.extendleft(reversed(self._in_flight.values()))
        self._in_flight.clear()

    def _pump(self) -> None:
        driver = self._driver
        if driver is None or driver.closed.done():
            return
        window = min(IN_FLIGHT, driver.receive_maximum)
        while self._waiting and len(self._in_flight) < window:
            outgoing = self._waiting.popleft()
            if outgoing.acknowledged.done():
                continue
            if _too_large(outgoing.message, driver.maximum_packet_size):
                text = f"the broker takes {driver.maximum_packet_size} bytes at most"
                outgoing.acknowledged.set_exception(BrokerRefused(text))
                continue
            try:
                self._in_flight[driver.publish(outgoing.message)] = outgoing
            except ConnectionError:
                self._waiting.appendleft(outgoing)
                return
            except ValueError as error:
                outgoing.acknowledged.set_exception(error)

    def _note_published(self, number: int, refusal: str | None) -> None:
        outgoing = self._in_flight.pop(number, None)
        if outgoing is not None and not outgoing.acknowledged.done():
            if refusal is None:
                outgoing.acknowledged.set_result(None)
            else:
                text = f"the broker refused a message on {outgoing.message.topic}: {refusal}"
                outgoing.acknowledged.set_exception(BrokerRefused(text))
        self._pump()


def _message(source: Message | Callable[[], Message] | None) -> Message | None:
    return source() if callable(source) else source


def _ignore(_message: Message) -> None:
    pass


def _too_large(message: Message, limit: int | None) -> bool:
    return limit is not None and len(message.payload) + len(message.topic.encode()) + _OVERHEAD > limit


def _log_failure(acknowledged: asyncio.Future[None]) -> None:
    if not acknowledged.cancelled() and (error := acknowledged.exception()) is not None:
        log.warning("%s", error)
