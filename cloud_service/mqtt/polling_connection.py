"""A lasting connection to the broker for a program that runs its own loop.

Everything happens in `poll`: it reads what has arrived, at most 1,000 packets at a time, and runs callbacks.
"""

import logging
import select
import time
from collections.abc import Callable, Sequence
from typing import Any, Final

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.control_packets import Subscription
from cloud_service.mqtt.publisher import Publication
from cloud_service.mqtt.reconnection import Reconnection
from cloud_service.mqtt.session import TICK_SECONDS, Delivery, Loss, Session
from cloud_service.mqtt.sockets import open_socket, tls_context
from cloud_service.protocol.messages import Message

log = logging.getLogger(__name__)

NEVER_EXPIRES: Final = 0xFFFFFFFF
"""A Session Expiry Interval."""
_WINDOW: Final = 60_000
"""Messages in flight, unless the broker takes fewer. MQTT can number 65,535."""
_PACKETS_A_TURN: Final = 1_000
"""The most packets that one `poll` reads before it returns."""


class PollingConnection:
    """A session that never expires: what is sent to its subscriptions waits at the broker while it is away.

    Messages that arrive keep their retain flag, and retained ones are not asked for. `on_message` must
    acknowledge each delivery, at once or later. `on_published` receives the receipt of each message that the
    broker has, or has refused. `on_ready` is called each time the broker has accepted the login and the
    subscriptions. Raises OSError if a certificate file cannot be used.
    """

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        *,
        subscriptions: Sequence[str],
        will: Message,
        on_message: Callable[[Message, Delivery], None],
        on_published: Callable[[Any], None],
        on_ready: Callable[[], None],
    ) -> None:
        if address.ca_file is not None:
            tls_context(address)
        self._address = address
        self._will = will
        self._published = on_published
        self._ready = on_ready
        self._session: Session[Any] = Session(
            address,
            client_id,
            session_expiry=NEVER_EXPIRES,
            subscriptions=[
                Subscription(topic, keep_retain_flag=True, send_retained=False) for topic in subscriptions
            ],
            window=_WINDOW,
            on_message=on_message,
            on_published=self._note_published,
            on_ready=self._note_ready,
            on_lost=self._note_lost,
        )
        self._poll = select.poll()
        self._descriptor = -1
        self._reconnection = Reconnection(client_id)
        self.logins = 0
        """How often the broker has accepted the login and the subscriptions."""
        self._closing = False
        self._next_attempt = 0.0
        self._next_tick = 0.0

    @property
    def ready(self) -> bool:
        """Whether the broker has accepted the login and the subscriptions."""
        return self._session.ready

    @property
    def outstanding(self) -> int:
        """How many messages the broker has not acknowledged."""
        return self._session.outstanding

    @property
    def outstanding_bytes(self) -> int:
        """The size of the messages that the broker has not acknowledged."""
        return self._session.outstanding_bytes

    def watch(self, descriptor: int) -> None:
        """Makes `poll` return early when this descriptor can be read."""
        self._poll.register(descriptor, select.POLLIN)

    def unwatch(self, descriptor: int) -> None:
        """Undoes `watch`."""
        self._poll.unregister(descriptor)

    def publish(self, message: Message, receipt: Any = None) -> None:
        """Sends a message as soon as the broker accepts it; `on_published` then receives the receipt."""
        self._session.publish(message, receipt)

    def acknowledge(self, delivery: Delivery) -> None:
        """The message has been dealt with. Deliveries are acknowledged in the order in which they arrived."""
        self._session.acknowledge(delivery)

    def subscribe(self, topic: str) -> None:
        """Subscribes, retained messages included, for as long as this connection to the broker lasts."""
        self._session.subscribe(Subscription(topic, qos=0, keep_retain_flag=True))

    def poll(self, timeout: float) -> None:
        """Waits at most `timeout` seconds for something to do, and does it."""
        now = time.monotonic()
        if not self._session.connected and now >= self._next_attempt:
            self._connect()
        self.flush()
        readable = self._session.holds_packet
        for descriptor, event in self._poll.poll(0 if readable else timeout * 1000):
            if descriptor == self._descriptor and event & select.POLLOUT:
                self._session.write()
            if descriptor == self._descriptor and event & ~select.POLLOUT:
                readable = True
        if readable:
            self._session.read(_PACKETS_A_TURN)
        if now >= self._next_tick:
            self._next_tick = now + TICK_SECONDS
            self._session.tick(time.monotonic())

    def flush(self) -> None:
        """Sends what was published and acknowledged, as far as the socket accepts it.

        `poll` calls this first.
        """
        self._session.write()
        if self._session.connected:
            writable = select.POLLOUT if self._session.wants_write else 0
            self._poll.modify(self._descriptor, select.POLLIN | writable)

    def close(self, goodbye: Message, seconds: float) -> None:
        """Publishes the goodbye last and disconnects, once the broker has everything or the time is up."""
        end = time.monotonic() + seconds
        said = False
        while self.ready and time.monotonic() < end:
            if not said and not self._session.waiting:
                self.publish(goodbye)
                said = True
            if said and not self.outstanding:
                break
            self.poll(0.05)
        self._closing = True
        self._session.end()
        self._session.drop()

    def _connect(self) -> None:
        try:
            connection = open_socket(self._address)
            self._session.begin(connection, will=self._will, now=time.monotonic())
        except (OSError, ValueError) as error:
            self._pause(Loss(f"cannot be reached: {error}"))
            return
        self._descriptor = self._session.descriptor
        self._poll.register(self._descriptor, select.POLLIN)

    def _pause(self, loss: Loss) -> None:
        now = time.monotonic()
        retry = self._reconnection.retry(loss, now)
        log.warning("the broker %s %s; next attempt in %.1f s", self._address, retry.reason, retry.pause)
        self._next_attempt = now + retry.pause

    def _note_ready(self) -> None:
        self.logins += 1
        self._reconnection.connected(time.monotonic())
        log.info("connected to the broker %s", self._address)
        self._ready()

    def _note_published(self, receipt: Any, publication: Publication) -> None:
        if publication.error is not None:
            log.error("%s", publication.error)
        self._published(receipt)

    def _note_lost(self, loss: Loss) -> None:
        self._poll.unregister(self._descriptor)
        self._descriptor = -1
        if not self._closing:
            self._pause(loss)
