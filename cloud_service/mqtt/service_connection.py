"""The service's connection to the broker, driven by the service's own loop.

Everything happens in `poll`: packets are read until the socket is dry, and callbacks run in between. Requests
are acknowledged in the order of their arrival, and only those of the connection that brought them.
"""

import logging
import select
import socket
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from msgspec import Struct
from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.paho_client import build_client, open_connection, to_properties
from cloud_service.mqtt.publish_packet import Publish
from cloud_service.protocol.messages import Message

log = logging.getLogger(__name__)

FOREVER: Final = 0xFFFFFFFF
"""Session Expiry Interval of a session that does not expire."""
LONGEST_PAUSE: Final = 5.0
"""Seconds between two attempts to reach the broker."""
_SOON: Final = 1.0
"""A connection that ends within so many seconds was of no use."""
_MOST: Final = 60_000
"""Messages sent and not taken yet; MQTT numbers them from 1 to 65,535."""
_READS: Final = 1_000
"""After so many packets, requests and acknowledgements, the service has its turn."""


class Delivery(Struct):
    """A message that came in and has to be acknowledged."""

    connection: int
    number: int
    acknowledged: bool = False


class ServiceConnection:
    """A persistent session: requests wait at the broker while the service is away.

    `subscriptions` are topics with the flag whether retained messages are wanted; without them the broker is
    asked to keep the retain flag on what it forwards, so that a retained request can be told. `on_ready` is
    called each time the broker has confirmed the subscriptions.
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
        self.ready = False
        """Whether the broker is connected and has confirmed the subscriptions."""
        self.outstanding_bytes = 0
        """Of messages that the broker has not taken yet."""
        self._address = address
        self._name = client_id
        self._subscriptions = subscriptions
        self._on_message = on_message
        self._on_published = on_published
        self._on_ready = on_ready
        self._client = build_client(address, client_id, clean=False, will=will, manual_ack=True)
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._subscribed
        self._client.on_disconnect = self._disconnected
        self._client.on_publish_packet = self._received
        self._client.on_publish = self._published
        self._client.on_socket_register_write = _later
        self._connection = 0
        self._inbox: deque[Delivery] = deque()
        self._receipts: dict[int, tuple[Any, int]] = {}
        self._outbox: deque[tuple[Message, Any]] = deque()
        self._receive_maximum = _MOST
        self._subscribing: int | None = None
        self._socket: socket.socket | None = None
        self._descriptor = -1
        self._poll = select.poll()
        self._only = select.poll()
        self._refusal: str | None = None
        self._closing = False
        self._pause = 0.1
        self._next_attempt = 0.0
        self._next_care = 0.0
        self._ready_since = -_SOON

    @property
    def outstanding(self) -> int:
        """Messages that the broker has not taken yet."""
        return len(self._receipts) + len(self._outbox)

    def watch(self, descriptor: int) -> None:
        """Has `poll` return early when this descriptor can be read."""
        self._poll.register(descriptor, select.POLLIN)

    def unwatch(self, descriptor: int) -> None:
        self._poll.unregister(descriptor)

    def publish(self, message: Message, receipt: Any = None) -> None:
        """Sends a message as soon as the broker takes it; `on_published` is given the receipt when it has."""
        self.outstanding_bytes += message.size
        if self.ready and not self._outbox and len(self._receipts) < self._receive_maximum:
            self._send(message, receipt)
        else:
            self._outbox.append((message, receipt))

    def acknowledge(self, delivery: Delivery) -> None:
        """The message is done with. It is acknowledged once all before it are."""
        delivery.acknowledged = True
        while self._inbox and self._inbox[0].acknowledged:
            first = self._inbox.popleft()
            if first.connection == self._connection and self._socket is not None:
                self._client.ack(first.number, 1)

    def subscribe(self, topic: str) -> None:
        """Asks for a topic for the time being, its retained messages included."""
        self._client.subscribe(topic, options=SubscribeOptions(qos=0, retainAsPublished=True))

    def poll(self, timeout: float) -> None:
        """Waits so many seconds at most for something to do, and does it."""
        now = time.monotonic()
        if self._socket is None and now >= self._next_attempt:
            self._connect()
        if now >= self._next_care:
            self._next_care = now + 1
            self._client.loop_misc()
        self.flush()
        readable = self._client.holds_bytes
        for descriptor, event in self._poll.poll(0 if readable else timeout * 1000):
            if descriptor == self._descriptor and event & select.POLLOUT:
                self._client.loop_write()
            if descriptor == self._descriptor and event & ~select.POLLOUT:
                readable = True
        if readable:
            self._read()

    def close(self, goodbye: Message, seconds: float) -> None:
        """Says goodbye and disconnects, once the broker has everything or the time is up."""
        end = time.monotonic() + seconds
        said = False
        while self.ready and time.monotonic() < end:
            if not said and not self._outbox:
                self.publish(goodbye)
                said = True
            if said and not self.outstanding:
                break
            self.poll(0.05)
        self._closing = True
        if self._socket is not None:
            self._client.disconnect()
        if self._socket is not None:
            self._client.loop_write()

    def _connect(self) -> None:
        try:
            open_connection(self._client, self._address, session_expiry=FOREVER)
        except (OSError, ValueError) as error:
            self._wait_before_next(f"cannot be reached: {error}")
            return
        connection = self._client.socket()
        assert isinstance(connection, socket.socket)
        self._socket, self._descriptor = connection, connection.fileno()
        self._connection += 1
        self._inbox.clear()
        self._poll.register(self._descriptor, select.POLLIN)
        self._only = select.poll()
        self._only.register(self._descriptor, select.POLLIN)

    def _wait_before_next(self, why: str) -> None:
        log.warning("the broker %s %s; next attempt in %.1f s", self._address, why, self._pause)
        self._next_attempt = time.monotonic() + self._pause
        self._pause = min(self._pause * 2, LONGEST_PAUSE)

    def _read(self) -> None:
        """Reads a packet at a time until nothing is left, or it is the service's turn."""
        for _ in range(_READS):
            self._client.loop_read()
            if self._socket is None or not (self._client.holds_bytes or self._only.poll(0)):
                return

    def flush(self) -> None:
        """Sends what was published and settled, as far as the broker takes it. `poll` begins with it."""
        while self._outbox and self.ready and len(self._receipts) < self._receive_maximum:
            self._send(*self._outbox.popleft())
        if self._client.want_write():
            self._client.loop_write()
        if self._socket is not None:
            waiting = select.POLLOUT if self._client.want_write() else 0
            self._poll.modify(self._descriptor, select.POLLIN | waiting)

    def _send(self, message: Message, receipt: Any) -> None:
        info = self._client.publish(
            message.topic, message.payload, message.qos, message.retain, to_properties(message)
        )
        if info.rc == MQTTErrorCode.MQTT_ERR_QUEUE_SIZE:  # the packet number is still in use
            self._outbox.appendleft((message, receipt))
        else:
            self._receipts[info.mid] = receipt, message.size

    def _connected(
        self,
        _client: Client,
        _data: Any,
        flags: ConnectFlags,
        reason: ReasonCode,
        properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self._refuse(f"refused the login: {reason}")
            return
        log.info(
            "connected to the broker %s, session %s",
            self._address,
            "present" if flags.session_present else "new",
        )
        self._receive_maximum = min(getattr(properties, "ReceiveMaximum", _MOST), _MOST)
        # 2: retained messages are not sent at subscribing. A request that is retained is none.
        options = SubscribeOptions(qos=1, retainAsPublished=True, retainHandling=2)
        _, self._subscribing = self._client.subscribe([(topic, options) for topic in self._subscriptions])

    def _subscribed(
        self, _client: Client, _data: Any, number: int, codes: list[ReasonCode], _properties: Properties
    ) -> None:
        if number != self._subscribing:
            return
        for topic, code in zip(self._subscriptions, codes, strict=False):
            if code.is_failure:
                self._refuse(f"refused to subscribe to {topic}: {code}")
                return
        self._pause = 0.1
        self.ready = True
        self._ready_since = time.monotonic()
        self._on_ready()

    def _disconnected(
        self,
        _client: Client,
        _data: Any,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        """Leaves the connection. What was sent on it and not taken, paho sends again on the next."""
        self.ready = False
        self._inbox.clear()
        if self._socket is None:
            return
        self._socket = None
        self._poll.unregister(self._descriptor)
        self._descriptor = -1
        if not self._closing:
            self._wait_before_next(self._refusal or f"ended the connection: {reason}{self._guess()}")
        self._refusal = None

    def _guess(self) -> str:
        """Mosquitto 2.0 does not tell whoever it disconnects that another client took its ID."""
        soon = time.monotonic() - self._ready_since < _SOON
        return f" at once (is there a second {self._name} at this broker?)" if soon else ""

    def _refuse(self, why: str) -> None:
        """Ends a connection that is of no use; the loop sends what this queues."""
        self._refusal = why
        self._client.disconnect()

    def _received(self, publish: Publish) -> None:
        delivery = Delivery(self._connection, publish.number, acknowledged=not publish.number)
        if publish.number:
            self._inbox.append(delivery)
        try:
            self._on_message(publish.message, delivery)
        except Exception:  # whatever it is, it must not come again and again
            log.exception("a message on %s could not be handled", publish.message.topic[:200])
            self.acknowledge(delivery)

    def _published(
        self, _client: Client, _data: Any, number: int, reason: ReasonCode, _properties: Properties
    ) -> None:
        if reason.is_failure:
            log.error("the broker did not take a message: %s", reason)
        receipt, size = self._receipts.pop(number, (None, 0))
        self.outstanding_bytes -= size
        self._on_published(receipt)


def _later(_client: Client, _data: Any, _connection: Any) -> None:
    """With it paho sends nothing by itself: what belongs together goes out together."""
