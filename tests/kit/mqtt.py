"""MQTT clients for tests, over paho and nothing else: what they send and receive is what is on the wire."""

import json
import socket
import ssl
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_hex
from typing import Any, Literal, Self, TypeAlias

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.kit.processes import HOST
from tests.kit.refusals import Refused
from tests.kit.target import Role
from tests.kit.waiting import DEADLINE

Version: TypeAlias = Literal["mqtt5", "mqtt311"]
VERSIONS: tuple[Version, ...] = ("mqtt5", "mqtt311")
_PROTOCOLS = {"mqtt5": MQTTProtocolVersion.MQTTv5, "mqtt311": MQTTProtocolVersion.MQTTv311}


class NotAccepted(Exception):
    """The broker refused the connection."""


class MqttConnection:
    """One connection: `with MqttConnection(port, client_id) as connection:`. Keeps all messages that arrive.

    `pair` is a client certificate and its key; `will` is the topic of a last will.
    """

    def __init__(
        self,
        port: int,
        client_id: str,
        user: str | None = None,
        password: str | None = None,
        *,
        version: Version = "mqtt5",
        host: str = HOST,
        ca_file: Path | None = None,
        pair: tuple[Path, Path] | None = None,
        will: str | None = None,
    ) -> None:
        self.version = version
        self.disconnected = threading.Event()
        self._address = host, port
        self._arrived: list[MQTTMessage] = []
        self._answers: dict[int, list[bool]] = {}
        """What the broker answered to SUBSCRIBE and PUBLISH packets, by their numbers."""
        self._refusals: list[str | None] = []
        """For each CONNACK why the broker refused the connection, or None."""
        self._news = threading.Condition()
        self._client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=_PROTOCOLS[version])
        self._client.username_pw_set(user, password)
        self._client.max_inflight_messages_set(1000)
        if will is not None:
            self._client.will_set(will, b"gone", qos=1)
        if ca_file is not None:
            context = ssl.create_default_context(cafile=str(ca_file))
            if pair is not None:
                context.load_cert_chain(*map(str, pair))
            self._client.tls_set_context(context)
        self._listen()

    def _listen(self) -> None:
        client = self._client
        client.on_connect = lambda _c, _u, _f, reason, _p: self._note(
            self._refusals.append, str(reason) if reason.is_failure else None
        )
        client.on_message = lambda _c, _u, message: self._note(self._arrived.append, message)
        client.on_subscribe = lambda _c, _u, number, reasons, _p: self._answered(number, reasons)
        client.on_publish = lambda _c, _u, number, reason, _p: self._answered(number, [reason])
        client.on_disconnect = lambda *_: self.disconnected.set()
        # Without this each request waits 40 ms for the acknowledgement of the packet before it.
        client.on_socket_open = _send_at_once

    def connect(self) -> None:
        """Raises NotAccepted."""
        self._client.connect(*self._address)
        self._client.loop_start()
        self._wait(lambda: self._refusals, "the broker's CONNACK")
        if self._refusals[0] is not None:
            self.close()
            raise NotAccepted(self._refusals[0])

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client.on_message = None
        del self._client  # paho closes its pair of sockets when it is collected

    def __enter__(self) -> Self:
        self.connect()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def subscribe(self, *filters: str) -> list[bool]:
        """Whether the broker granted each filter."""
        _, number = self._client.subscribe([(each, 1) for each in filters])
        assert number is not None
        return self._answer(number)

    def publish(
        self, topic: str, payload: bytes = b"test", *, qos: int = 1, retain: bool = False, **properties: Any
    ) -> bool:
        """Whether the broker granted it; MQTT 3.1.1 has no way to say no.

        `properties` have paho's names and exist in MQTT 5 only.
        """
        return self._answer(self._send(topic, payload, qos, retain, properties))[0]

    def publish_all(self, topics: Sequence[str], payload: bytes = b"test") -> list[bool]:
        """Whether the broker granted each; without waiting for one before the next is sent."""
        numbers = [self._send(topic, payload, 1, False, {}) for topic in topics]
        return [self._answer(number)[0] for number in numbers]

    def publish_soon(self, topic: str, payload: bytes) -> None:
        """Does not wait for the broker."""
        self._client.publish(topic, payload, 1)

    def expect(self, fits: Callable[[MQTTMessage], bool], what: str) -> MQTTMessage:
        """Waits for a message and takes it out of those that arrived."""
        with self._news:
            self._wait(lambda: any(map(fits, self._arrived)), what)
            message = next(filter(fits, self._arrived))
            self._arrived.remove(message)
            return message

    def on(self, topic: str) -> MQTTMessage:
        """Waits for a message on this topic and takes it."""
        return self.expect(lambda message: message.topic == topic, topic)

    def next(self) -> MQTTMessage:
        """Waits for a message and takes the first."""
        return self.expect(lambda message: True, "a message")

    def take(self, least: int = 0) -> list[MQTTMessage]:
        """Waits until this many messages arrived, and takes them in order."""
        with self._news:
            self._wait(lambda: len(self._arrived) >= least, f"{least} messages")
            taken, self._arrived = self._arrived, []
            return taken

    def take_until(self, topic: str) -> list[MQTTMessage]:
        """Waits for a message on this topic, and takes it with all before it. Returns those before it."""
        with self._news:
            self._wait(lambda: any(message.topic == topic for message in self._arrived), topic)
            end = next(index for index, message in enumerate(self._arrived) if message.topic == topic)
            taken, self._arrived = self._arrived[:end], self._arrived[end + 1 :]
            return taken

    def arrived(self, below: str = "") -> list[MQTTMessage]:
        """The messages on topics that begin like this, without taking them."""
        with self._news:
            return [message for message in self._arrived if message.topic.startswith(below)]

    def _send(self, topic: str, payload: bytes, qos: int, retain: bool, properties: dict[str, Any]) -> int:
        packed = None
        if properties:
            packed = Properties(PacketTypes.PUBLISH)
            for name, value in properties.items():
                setattr(packed, name, value)
        return self._client.publish(topic, payload, qos, retain, packed).mid

    def _answer(self, number: int) -> list[bool]:
        with self._news:
            self._wait(lambda: number in self._answers, "the broker's acknowledgement")
            return self._answers.pop(number)

    def _answered(self, number: int, reasons: Sequence[Any]) -> None:
        with self._news:
            self._answers[number] = [not reason.is_failure for reason in reasons]
            self._news.notify_all()

    def _note(self, note: Callable[[Any], None], value: object) -> None:
        with self._news:
            note(value)
            self._news.notify_all()

    def _wait(self, condition: Callable[[], object], what: str) -> None:
        with self._news:
            came = self._news.wait_for(condition, DEADLINE)
            arrived = [(message.topic, message.payload[:300]) for message in self._arrived]
        assert came, f"timed out waiting for {what}; arrived: {arrived}"


def _send_at_once(_client: Client, _data: object, opened: Any) -> None:
    opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def properties_of(message: MQTTMessage) -> Any:
    """The MQTT 5 properties, which are attributes with paho's names."""
    assert message.properties is not None
    return message.properties


class MqttClient(MqttConnection):
    """An account that sends requests and receives their replies.

    `client_id` is its name unless given. `role` says which requests a secured broker lets it send.
    """

    def __init__(self, port: int, name: str, password: str | None = None, **options: Any) -> None:
        client_id = options.pop("client_id", name)
        self._role: Role = options.pop("role", "charger")
        super().__init__(port, client_id, None if password is None else name, password, **options)
        self.name = name
        self.reply_topic = f"recharge/v1/reply/{name}"

    def connect(self) -> None:
        super().connect()
        assert self.subscribe(self.reply_topic + "/#") == [True]

    def send(self, action: str, body: bytes | dict[str, Any], **options: Any) -> None:
        """Sends a request unchanged."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.publish(f"recharge/v1/request/{action}/{self.name}", payload, **options)

    def send_soon(self, action: str, body: dict[str, Any]) -> None:
        """Sends a request without waiting for the broker, as one of many."""
        self.publish_soon(f"recharge/v1/request/{action}/{self.name}", json.dumps(body).encode())

    def reply(self, request_id: str | None) -> dict[str, Any]:
        """Waits for the reply to the request with this ID."""

        def fits(message: MQTTMessage) -> bool:
            if not message.topic.startswith(self.reply_topic):
                return False
            # The service publishes other messages below its own reply topic, which are not replies.
            body = json.loads(message.payload)
            return "ok" in body and bool(body["requestID"] == request_id)

        body: dict[str, Any] = json.loads(self.expect(fits, f"the reply to {request_id}").payload)
        return body

    def ask(self, action: str, **values: Any) -> Any:
        """Sends a request as clients of this version do, and returns its result. Raises Refused."""
        request_id, topic = token_hex(8), f"{self.reply_topic}/{token_hex(2)}"
        if self.version == "mqtt5":
            self.send(action, values, CorrelationData=request_id.encode(), ResponseTopic=topic)
        else:
            self.send(action, {**values, "requestID": request_id, "replyTo": topic})
        return result_of(self.reply(request_id))

    def outcome(self, action: str, **values: Any) -> Any:
        """The result of a request, or the code of its error."""
        try:
            return self.ask(action, **values)
        except Refused as error:
            return error.code

    def settle(self) -> None:
        """Returns once the service has answered every earlier request of this client."""
        with suppress(Refused):
            if self._role == "vehicle":
                self.ask("findReservation")
            else:
                self.ask("receiveAllReservations", chargingStationID=1)


def result_of(reply: dict[str, Any]) -> Any:
    """The result in a reply's body. Raises Refused if it is an error."""
    if reply["ok"]:
        assert set(reply) == {"requestID", "ok", "result"}
        return reply["result"]
    assert set(reply) == {"requestID", "ok", "error"}
    assert set(reply["error"]) == {"code", "message", "retryable"}
    raise Refused(reply["error"]["code"], reply["error"]["message"])
