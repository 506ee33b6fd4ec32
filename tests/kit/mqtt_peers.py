"""A session of ours and paho-mqtt's own client, each connected to a broker that a test plays byte by byte."""

import socket
from tempfile import TemporaryDirectory
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.control_packets import Subscription
from cloud_service.mqtt.publisher import Publication
from cloud_service.mqtt.session import KEEP_ALIVE_SECONDS, Delivery, Loss, Session
from cloud_service.mqtt.version import Protocol
from cloud_service.protocol.messages import Message
from tests.kit.processes import HOST

NEVER_EXPIRES = 0xFFFFFFFF
ADDRESS = BrokerAddress(HOST, 1883, "anna", "secret")
CLIENT_ID = "anna-1"
WILL = Message("test/will", b"gone", retain=True)
TOPICS = ("test/one", "test/+/two")


class Peer:
    """What a client did: its events, and the bytes that it sent."""

    def __init__(self) -> None:
        self.events: list[tuple[Any, ...]] = []
        self.broker: socket.socket
        """The broker's end of the connection."""

    def sent(self) -> bytes:
        """The bytes that the client sent since the last call."""
        received = b""
        self.broker.setblocking(False)
        try:
            while piece := self.broker.recv(65_536):
                received += piece
        except BlockingIOError:
            pass
        return received

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.broker.close()


class SessionPeer(Peer):
    """A session of ours, which acknowledges each message unless `manual`.

    When it is ready, it subscribes to the topic `more` and publishes on it.
    """

    def __init__(
        self,
        protocol: Protocol = "mqtt5",
        *,
        window: int = 60_000,
        topics: tuple[str, ...] = TOPICS,
        manual: bool = False,
        more: str | None = None,
    ) -> None:
        super().__init__()
        self._more = more
        self.deliveries: list[Delivery] = []
        self.then: Message | None = None
        """A message to publish as soon as one is published."""
        self._manual = manual
        self.session: Session[Any] = Session(
            ADDRESS,
            CLIENT_ID,
            protocol=protocol,
            session_expiry=NEVER_EXPIRES,
            subscriptions=[Subscription(topic) for topic in topics],
            window=window,
            on_message=self._on_message,
            on_published=self._on_published,
            on_ready=self._on_ready,
            on_lost=self._on_lost,
        )

    def connect(self, now: float = 0.0) -> None:
        ours, self.broker = socket.socketpair()
        ours.setblocking(False)
        self.session.begin(ours, will=WILL, now=now)
        self.session.write()

    def feed(self, data: bytes) -> None:
        """The broker sends these bytes."""
        self.broker.setblocking(True)
        self.broker.sendall(data)
        self.session.read(1_000)
        self.session.write()

    def publish(self, message: Message) -> None:
        """The receipt is the topic."""
        self.session.publish(message, message.topic)
        self.session.write()

    def __exit__(self, *_: object) -> None:
        self.session.drop()
        self.broker.close()

    def _on_message(self, message: Message, delivery: Delivery) -> None:
        self.events.append(("message", message.topic, message.payload, message.qos, message.retain))
        self.deliveries.append(delivery)
        if not self._manual:
            self.session.acknowledge(delivery)

    def _on_published(self, receipt: object, publication: Publication) -> None:
        self.events.append(("published", receipt, publication.error is None))
        if self.then is not None:
            then, self.then = self.then, None
            self.session.publish(then, then.topic)

    def _on_ready(self) -> None:
        self.events.append(("ready",))
        if self._more is not None:
            self.session.subscribe(Subscription(self._more))
            self.session.publish(Message(self._more, b""), self._more)

    def _on_lost(self, loss: Loss) -> None:
        self.events.append(("lost",))
        self.loss = loss


class PahoPeer(Peer):
    """paho-mqtt's own client, driven in the same way."""

    def __init__(self, protocol: Protocol = "mqtt5") -> None:
        super().__init__()
        mqtt5 = protocol == "mqtt5"
        self._mqtt5 = mqtt5
        self._receipts: dict[int, str] = {}
        self._publishing = ""
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            CLIENT_ID,
            clean_session=None if mqtt5 else False,
            protocol=MQTTProtocolVersion.MQTTv5 if mqtt5 else MQTTProtocolVersion.MQTTv311,
            transport="unix",  # Bytes arrive at once, which TCP does not promise.
            reconnect_on_failure=False,
        )
        client = self._client
        client.max_inflight_messages = 0
        client.username_pw_set(ADDRESS.user, ADDRESS.password)
        client.will_set(WILL.topic, WILL.payload, WILL.qos, WILL.retain)
        client.on_connect = self._on_connect
        client.on_subscribe = lambda *_: self.events.append(("ready",))
        client.on_message = self._on_message
        client.on_publish = self._on_publish
        client.on_disconnect = lambda *_: self.events.append(("lost",))

    def connect(self) -> None:
        with TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
            path = f"{folder}/broker"
            listener.bind(path)
            listener.listen()
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = NEVER_EXPIRES
            options: dict[str, Any] = {"clean_start": False, "properties": properties} if self._mqtt5 else {}
            self._client.connect(path, keepalive=KEEP_ALIVE_SECONDS, **options)
            self.broker, _ = listener.accept()

    def feed(self, data: bytes) -> None:
        """The broker sends these bytes."""
        self.broker.sendall(data)
        for _ in range(len(data)):
            self._client.loop_read()
        self._client.loop_write()

    def publish(self, message: Message) -> None:
        """The receipt is the topic."""
        properties = _properties(message) if self._mqtt5 else None
        self._publishing = message.topic
        info = self._client.publish(message.topic, message.payload, message.qos, message.retain, properties)
        self._receipts[info.mid] = message.topic

    def __exit__(self, *_: object) -> None:
        connection = self._client.socket()
        if connection is not None:
            connection.close()
        self.broker.close()

    def _on_connect(self, _client: Client, _data: Any, _flags: Any, reason: Any, _known: Any) -> None:
        if not reason.is_failure:
            self._client.subscribe([(topic, 1) for topic in TOPICS])

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        self.events.append(("message", message.topic, message.payload, message.qos, message.retain))

    def _on_publish(self, _client: Client, _data: Any, number: int, reason: Any, _known: Any) -> None:
        self.events.append(("published", self._receipts.get(number, self._publishing), not reason.is_failure))


def _properties(message: Message) -> Properties:
    properties = Properties(PacketTypes.PUBLISH)
    if message.payload:
        properties.ContentType = "application/json"
    if message.expiry is not None:
        properties.MessageExpiryInterval = message.expiry
    if message.response_topic is not None:
        properties.ResponseTopic = message.response_topic
    if message.correlation is not None:
        properties.CorrelationData = message.correlation
    if message.status is not None:
        properties.UserProperty = ("status", message.status)
    return properties
