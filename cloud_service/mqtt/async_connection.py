"""A lasting connection to the broker for asyncio: it reconnects by itself, and loses no message."""

import asyncio
import logging
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Final, Self, TypeAlias

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.control_packets import Subscription
from cloud_service.mqtt.outgoing import Outgoing
from cloud_service.mqtt.publisher import BrokerRefused, BrokerUnreachable, Publication
from cloud_service.mqtt.reconnection import Reconnection
from cloud_service.mqtt.session import TICK_SECONDS, Delivery, Loss, Session
from cloud_service.mqtt.sockets import open_socket
from cloud_service.mqtt.version import Protocol
from cloud_service.protocol.messages import Message

log = logging.getLogger(__name__)

GOODBYE_TIMEOUT_SECONDS: Final = 2.0
WINDOW: Final = 200
"""Messages in flight; the others wait in order."""
_PACKETS_A_TURN: Final = 64
"""The most packets read before other tasks run."""

Acknowledged: TypeAlias = asyncio.Future[Publication]
"""Done when the broker has acknowledged a message."""
Receipt: TypeAlias = Callable[[Publication], None]
"""Called on the loop with what became of a message; must be quick."""
Posted: TypeAlias = Outgoing[Receipt]
"""A message that was handed over."""


class AsyncConnection:
    """Connected and subscribed on entering, and from then on whenever the broker can be reached.

    `birth` is published on each connect. `will` is published by the broker if the connection ends without a
    goodbye, and by the connection itself on leaving. Both may be functions, which are called each time.
    `on_message` and `on_connect` are called on the loop and must be quick; `on_connect`, each time that the
    broker has accepted the login and the subscriptions. `session_expiry` is in seconds; with 0 the broker
    keeps nothing while the client is away.
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
        self._on_message = on_message
        self._on_connect = on_connect
        self._birth = birth
        self._will = will
        self._session: Session[Receipt] = Session(
            address,
            client_id,
            protocol=protocol,
            session_expiry=session_expiry,
            subscriptions=[Subscription(topic) for topic in subscriptions],
            window=WINDOW,
            on_message=self._receive,
            on_published=_call,
            on_ready=self._note_ready,
            on_lost=self._note_lost,
            clock=lambda: asyncio.get_running_loop().time(),
        )
        self._reconnection = Reconnection(client_id)
        self.logins = 0
        """How often the broker has accepted the login and the subscriptions."""
        self._open = False
        self._ready = asyncio.Event()
        self._login: asyncio.Future[Loss | None] | None = None
        self._lost: asyncio.Future[Loss] | None = None
        self._descriptor = -1
        self._writing = False
        self._write_soon: asyncio.Handle | None = None
        self._tick_later: asyncio.TimerHandle | None = None
        self._staying: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Raises BrokerRefused, or BrokerUnreachable."""
        loss = await self._connect()
        if loss is not None:
            text = f"the broker {self._address} {loss.reason}"
            if loss.cause == "refused":
                raise BrokerRefused(text, repr(self._address)) from loss.error
            raise BrokerUnreachable(text, repr(self._address)) from loss.error
        self._open = True
        self._staying = asyncio.create_task(self._stay(), name=f"mqtt {self._client_id}")
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
                async with asyncio.timeout(GOODBYE_TIMEOUT_SECONDS):
                    await self.publish(will)
        self._open = False
        self._session.end()
        if self._session.connected and self._lost is not None:
            await asyncio.wait([self._lost], timeout=GOODBYE_TIMEOUT_SECONDS)
        self._session.drop()
        for receipt in self._session.withdraw_all():
            receipt(Publication(_closed()))

    @property
    def connected(self) -> bool:
        """Whether the broker has accepted the login and the subscriptions."""
        return self._ready.is_set()

    @property
    def outstanding(self) -> int:
        """How many messages the broker has not acknowledged."""
        return self._session.outstanding

    @property
    def waiting(self) -> int:
        """How many messages have not been sent."""
        return self._session.waiting

    async def wait_connected(self) -> None:
        await self._ready.wait()

    def watch(self, topic: str) -> None:
        """Subscribes to another topic for as long as this connection to the broker lasts."""
        self._session.subscribe(Subscription(topic))
        self._schedule_write()

    def unwatch(self, topic: str) -> None:
        """Undoes `watch`."""
        self._session.unsubscribe(topic)
        self._schedule_write()

    async def publish(self, message: Message) -> None:
        """Returns when the broker has acknowledged the message, however long it was away.

        A message that was not sent yet is withdrawn on cancellation. Raises BrokerRefused if the broker
        refuses it, ValueError if it cannot be sent, ConnectionError if this connection is closed meanwhile.
        """
        await self.send(message)

    def send(self, message: Message, *, valid_until: float | None = None) -> Acknowledged:
        """Publishes without waiting: the future is done when `publish` would return.

        With `valid_until`, a time of the loop's clock, the message has a Message Expiry Interval. If it has
        not been sent by then, it is never sent, and the future is never done.
        """
        acknowledged: Acknowledged = asyncio.get_running_loop().create_future()
        posted = self.post(message, partial(_note_published, acknowledged), valid_until=valid_until)
        if posted is not None:
            acknowledged.add_done_callback(partial(self._withdraw_if_cancelled, posted))
        return acknowledged

    def post(self, message: Message, receipt: Receipt, *, valid_until: float | None = None) -> Posted | None:
        """Publishes as `send` does, with a call instead of a future, which may come before this returns.

        Returns what `withdraw` takes; None if this connection is closed.
        """
        if not self._open:
            receipt(Publication(_closed()))
            return None
        posted = self._session.publish(message, receipt, valid_until=valid_until)
        self._schedule_write()
        return posted

    def withdraw(self, posted: Posted) -> None:
        """Takes back a message, unless it was sent. Nothing more is heard of it.

        While the broker is away, requests give up and others follow: those must not pile up.
        """
        self._session.withdraw(posted)

    def _withdraw_if_cancelled(self, posted: Posted, acknowledged: Acknowledged) -> None:
        if acknowledged.cancelled():
            self.withdraw(posted)

    async def _connect(self) -> Loss | None:
        """Returns None once the broker has accepted the login and the subscriptions, otherwise why not."""
        loop = asyncio.get_running_loop()
        try:
            connection = await _open_in_thread(self._address)
            self._session.begin(connection, will=_message(self._will), now=loop.time())
        except (OSError, ValueError) as error:
            return Loss(f"cannot be reached: {error}{_remedy(error)}", error=error)
        self._login, self._lost = loop.create_future(), loop.create_future()
        self._descriptor = self._session.descriptor
        loop.add_reader(self._descriptor, self._read)
        self._tick()
        self._schedule_write()
        try:
            return await self._login
        except asyncio.CancelledError:
            self._session.drop()
            raise

    async def _stay(self) -> None:
        """Reconnects whenever the connection ends, after a pause."""
        while self._lost is not None:
            loss: Loss | None = await asyncio.shield(self._lost)
            while loss is not None:
                await self._pause(loss)
                loss = await self._connect()
            log.info("connected to the broker %s again", self._address)

    async def _pause(self, loss: Loss) -> None:
        retry = self._reconnection.retry(loss, asyncio.get_running_loop().time())
        log.warning("the broker %s %s; next attempt in %.1f s", self._address, retry.reason, retry.pause)
        await asyncio.sleep(retry.pause)

    def _read(self) -> None:
        self._session.read(_PACKETS_A_TURN)
        if self._session.holds_packet:
            asyncio.get_running_loop().call_soon(self._read)
        self._schedule_write()

    def _schedule_write(self) -> None:
        """Messages that are published in one turn of the loop leave together."""
        if self._write_soon is None and self._session.wants_write:
            self._write_soon = asyncio.get_running_loop().call_soon(self._write)

    def _write(self) -> None:
        self._write_soon = None
        self._session.write()
        if self._session.wants_write != self._writing:
            loop = asyncio.get_running_loop()
            self._writing = self._session.wants_write
            if self._writing:
                loop.add_writer(self._descriptor, self._write)
            else:
                loop.remove_writer(self._descriptor)

    def _tick(self) -> None:
        loop = asyncio.get_running_loop()
        self._tick_later = loop.call_later(TICK_SECONDS, self._tick)
        self._session.tick(loop.time())
        self._schedule_write()

    def _receive(self, message: Message, delivery: Delivery) -> None:
        if self._on_message is not None:
            self._on_message(message)
        self._session.acknowledge(delivery)

    def _note_ready(self) -> None:
        self.logins += 1
        self._reconnection.connected(asyncio.get_running_loop().time())
        birth = _message(self._birth)
        if birth is not None:
            self._session.publish(birth, _log_failure, first=True)
        self._ready.set()
        if self._login is not None and not self._login.done():
            self._login.set_result(None)
        if self._on_connect is not None:
            self._on_connect()

    def _note_lost(self, loss: Loss) -> None:
        loop = asyncio.get_running_loop()
        self._ready.clear()
        loop.remove_reader(self._descriptor)
        loop.remove_writer(self._descriptor)
        self._writing = False
        if self._tick_later is not None:
            self._tick_later.cancel()
        if self._login is not None and not self._login.done():
            self._login.set_result(loss)
        if self._lost is not None:
            self._lost.set_result(loss)


async def _open_in_thread(address: BrokerAddress) -> socket.socket:
    """Looking up a name, connecting and shaking hands block."""
    opening = asyncio.create_task(asyncio.to_thread(open_socket, address))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_unused)
        raise


def _remedy(error: Exception) -> str:
    """TLS and files have errors that say enough."""
    if isinstance(error, ConnectionRefusedError | socket.gaierror | TimeoutError):
        return " (is it running, and are its host and port right?)"
    return ""


def _close_unused(opening: asyncio.Task[socket.socket]) -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


def _call(receipt: Receipt, publication: Publication) -> None:
    receipt(publication)


def _note_published(acknowledged: Acknowledged, publication: Publication) -> None:
    if acknowledged.done():
        return
    if publication.error is None:
        acknowledged.set_result(publication)
    else:
        acknowledged.set_exception(publication.error)


def _message(source: Message | Callable[[], Message] | None) -> Message | None:
    return source() if callable(source) else source


def _closed() -> ConnectionError:
    return ConnectionError("the connection to the broker is closed")


def _log_failure(publication: Publication) -> None:
    if publication.error is not None:
        log.warning("%s", publication.error)
