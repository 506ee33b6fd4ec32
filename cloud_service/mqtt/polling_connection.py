"""A lasting connection to the broker for a program that runs its own loop, which poller.py drives.

At most 1,000 packets are read at a time, so that none of a loop's connections holds up the others.
"""

import logging
import select
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.control_packets import Subscription
from cloud_service.mqtt.poller import Poller
from cloud_service.mqtt.publisher import Publication
from cloud_service.mqtt.reconnection import Reconnection
from cloud_service.mqtt.session import TICK_SECONDS, Delivery, Loss, Session
from cloud_service.mqtt.socket_opening import SocketOpening
from cloud_service.mqtt.sockets import tls_context
from cloud_service.protocol.messages import Message

log = logging.getLogger(__name__)

NEVER_EXPIRES: Final = 0xFFFFFFFF
"""A Session Expiry Interval: what is sent to the subscriptions waits at the broker meanwhile."""
_WINDOW: Final = 60_000
"""Messages in flight, unless the broker takes fewer. MQTT can number 65,535."""
_PACKETS_A_TURN: Final = 1_000
"""The most packets that are read before other connections and the loop have their turn."""


class PollingConnection:
    """A session that expires `session_expiry` seconds after its connection was lost; 0 is a clean session.

    Messages that arrive for `subscriptions` keep their retain flag, and retained ones are not asked for.
    `on_message` must acknowledge each delivery, at once or later. `on_published` receives the receipt of each
    message that the broker has, or has refused, unless it is None. `on_ready` is called each time the broker
    has accepted the login and the subscriptions. Raises OSError if a certificate file cannot be used.
    """

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        poller: Poller,
        *,
        session_expiry: int = NEVER_EXPIRES,
        subscriptions: Sequence[str],
        will: Message,
        on_message: Callable[[Message, Delivery], None],
        on_published: Callable[[Any], None],
        on_ready: Callable[[], None],
    ) -> None:
        if address.ca_file is not None:
            tls_context(address)
        self._address = address
        self._subscriptions = tuple(subscriptions)
        self._will = will
        self._published = on_published
        self._ready = on_ready
        self._session: Session[Any] = Session(
            address,
            client_id,
            session_expiry=session_expiry,
            subscriptions=[
                Subscription(topic, keep_retain_flag=True, send_retained=False) for topic in subscriptions
            ],
            window=_WINDOW,
            on_message=on_message,
            on_published=self._note_published,
            on_ready=self._note_ready,
            on_lost=self._note_lost,
        )
        self._poller = poller
        self._descriptor = -1
        self._opening: SocketOpening | None = None
        self._reconnection = Reconnection(client_id)
        self.logins = 0
        """How often the broker has accepted the login and the subscriptions."""
        self._has_acknowledged = False
        self._waits_to_write = False
        self._said_goodbye = False
        self._closing = False
        self._next_attempt = 0.0
        self._next_tick = 0.0
        poller.add(self)

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

    def take_acknowledged(self) -> bool:
        """Whether the broker has acknowledged a message since the last call."""
        acknowledged, self._has_acknowledged = self._has_acknowledged, False
        return acknowledged

    def publish(self, message: Message, receipt: Any = None) -> None:
        """Sends a message as soon as the broker accepts it; `on_published` then receives the receipt."""
        self._session.publish(message, receipt)

    def acknowledge(self, delivery: Delivery) -> None:
        """The message has been dealt with. Deliveries are acknowledged in the order in which they arrived."""
        self._session.acknowledge(delivery)

    def subscribe(self, topic: str) -> None:
        """Subscribes, retained messages included, for as long as this connection to the broker lasts.

        Only messages that were retained before have the retain flag.
        """
        self._session.subscribe(Subscription(topic, qos=0))

    def unsubscribe(self) -> None:
        """Leaves the subscriptions that it was made with. What the broker has sent already still arrives."""
        for topic in self._subscriptions:
            self._session.unsubscribe(topic)

    def give_up(self) -> list[Any]:
        """Ends the connection and forgets what the broker has not acknowledged. Returns its receipts.

        It connects again as after any loss.
        """
        self._session.drop()
        return [receipt for receipt in self._session.withdraw_all() if receipt is not None]

    def withdraw_retained(self) -> list[Message]:
        """Takes back the retained messages that wait, and returns them. Nothing more is heard of them."""
        return self._session.withdraw_retained()

    def prepare(self) -> bool:
        """Connects if it is time, and sends what it can. Returns whether `handle` has work at once."""
        if not self._session.connected and self._opening is None and time.monotonic() >= self._next_attempt:
            self._open()
        self.flush()
        return self._session.holds_packet

    def handle(self, events: Mapping[int, int]) -> None:
        """Does what these events of descriptors ask for."""
        if self._opening is not None and self._opening.done:
            self._begin(self._opening)
        event = events.get(self._descriptor, 0)
        if event & select.POLLOUT:
            self._session.write()
        if event & ~select.POLLOUT or self._session.holds_packet:
            self._session.read(_PACKETS_A_TURN)
        now = time.monotonic()
        if now >= self._next_tick:
            self._next_tick = now + TICK_SECONDS
            self._session.tick(now)

    def flush(self) -> None:
        """Sends what was published and acknowledged, as far as the socket accepts it."""
        self._session.write()
        if self._session.connected and self._session.wants_write != self._waits_to_write:
            self._waits_to_write = self._session.wants_write
            self._poller.watch(self._descriptor, writable=self._waits_to_write)

    def leave_with(self, goodbye: Message) -> bool:
        """Publishes the goodbye once nothing waits before it. Returns whether the broker has everything."""
        if not self._said_goodbye and not self._session.waiting:
            self.publish(goodbye)
            self._said_goodbye = True
        return self._said_goodbye and not self.outstanding

    def end(self) -> None:
        """Disconnects for good: the broker does not publish the will."""
        self._closing = True
        self._session.end()
        self._session.drop()
        if self._opening is not None:
            self._poller.unwatch(self._opening.descriptor)
            self._opening.abandon()
            self._opening = None

    def _open(self) -> None:
        try:
            self._opening = SocketOpening(self._address)
        except OSError as error:
            self._pause(Loss(f"cannot be reached: {error}"))
        else:
            self._poller.watch(self._opening.descriptor)

    def _begin(self, opening: SocketOpening) -> None:
        self._poller.unwatch(opening.descriptor)
        self._opening = None
        try:
            self._session.begin(opening.take(), will=self._will, now=time.monotonic())
        except (OSError, ValueError) as error:
            self._pause(Loss(f"cannot be reached: {error}"))
            return
        self._descriptor = self._session.descriptor
        self._waits_to_write = False
        self._poller.watch(self._descriptor)
        self.flush()

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
        self._has_acknowledged = True
        if receipt is not None:
            self._published(receipt)

    def _note_lost(self, loss: Loss) -> None:
        self._poller.unwatch(self._descriptor)
        self._descriptor = -1
        if not self._closing:
            self._pause(loss)
