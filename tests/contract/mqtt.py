"""An MQTT client over paho and nothing else: what it sends and receives is what is on the wire."""

import json
import socket
import ssl
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from secrets import token_hex
from typing import Any, Literal, TypeAlias

from paho.mqtt.client import Client, MQTTMessage, MQTTProtocolVersion
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.contract.refusals import Refused
from tests.contract.target import Role, Target
from tests.kit.processes import DEADLINE

Version: TypeAlias = Literal["mqtt5", "mqtt311"]

_VERSIONS = {"mqtt5": MQTTProtocolVersion.MQTTv5, "mqtt311": MQTTProtocolVersion.MQTTv311}


class MqttClient:
    """One connection. Everything that arrives is kept; `expect` waits for a message and takes it."""

    def __init__(
        self, target: Target, name: str, role: Role, version: Version, subscriptions: Sequence[str] = ()
    ) -> None:
        self.name = name
        self.version = version
        self._role = role
        self.reply_topic = f"recharge/v1/reply/{name}"
        self._arrived: list[MQTTMessage] = []
        self._news = threading.Condition()
        self._connected = threading.Event()
        self._subscribed = threading.Event()
        bound = role in ("charger", "vehicle")
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            name if bound else f"{name}-{token_hex(4)}",
            protocol=_VERSIONS[version],
        )
        self._client.on_connect = lambda *_: self._connected.set()
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._client.on_message = self._on_message
        # Else each request waits 40 ms for the acknowledgement of the packet before it.
        self._client.on_socket_open = lambda _client, _data, opened: opened.setsockopt(
            socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
        )
        password = target.password(name, role)
        if password is not None:
            self._client.username_pw_set(name, password)
        if target.ca_file is not None:
            self._client.tls_set_context(ssl.create_default_context(cafile=str(target.ca_file)))
        self._client.connect(target.mqtt_host, target.mqtt_port)
        self._client.loop_start()
        assert self._connected.wait(DEADLINE), "the broker does not answer"
        self.subscribe(self.reply_topic + "/#", *subscriptions)

    def close(self) -> None:
        self._client.disconnect()
        self._client.loop_stop()
        self._client.on_message = None
        del self._client  # paho closes its own sockets when it is gone

    def subscribe(self, *topics: str) -> None:
        self._subscribed.clear()
        self._client.subscribe([(topic, 1) for topic in topics])
        assert self._subscribed.wait(DEADLINE), "the broker does not confirm a subscription"

    def publish(
        self, topic: str, payload: bytes, *, qos: int = 1, retain: bool = False, **properties: Any
    ) -> None:
        """Returns once the broker has it. `properties` have paho's names, in MQTT 5 only."""
        packed = None
        if properties:
            packed = Properties(PacketTypes.PUBLISH)
            for name, value in properties.items():
                setattr(packed, name, value)
        self._client.publish(topic, payload, qos, retain, packed).wait_for_publish(DEADLINE)

    def publish_soon(self, action: str, body: dict[str, Any]) -> None:
        """Sends a request without waiting for the broker, as one of many."""
        self._client.publish(f"recharge/v1/request/{action}/{self.name}", json.dumps(body), 1)

    def expect(self, fits: Callable[[MQTTMessage], bool], what: str) -> MQTTMessage:
        """Waits for a message and takes it out of those that arrived."""
        end = time.monotonic() + DEADLINE
        with self._news:
            while True:
                for message in self._arrived:
                    if fits(message):
                        self._arrived.remove(message)
                        return message
                left = end - time.monotonic()
                assert left > 0, f"waited in vain for {what}; arrived: {self._describe()}"
                self._news.wait(left)

    def on(self, topic: str) -> MQTTMessage:
        """Waits for a message on this topic."""
        return self.expect(lambda message: message.topic == topic, topic)

    def arrived(self, below: str = "") -> list[MQTTMessage]:
        """What has arrived on topics that begin like this, and nobody has taken."""
        with self._news:
            return [message for message in self._arrived if message.topic.startswith(below)]

    def take(self, least: int = 0) -> list[MQTTMessage]:
        """Takes all that has arrived, in order, once there are at least so many."""
        with self._news:
            enough = self._news.wait_for(lambda: len(self._arrived) >= least, DEADLINE)
            assert enough, f"waited in vain for {least} messages; arrived: {self._describe()}"
            taken, self._arrived = self._arrived, []
            return taken

    def send(self, action: str, body: bytes | dict[str, Any], **options: Any) -> None:
        """Sends a request as it stands."""
        payload = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.publish(f"recharge/v1/request/{action}/{self.name}", payload, **options)

    def reply(self, request_id: str | None) -> dict[str, Any]:
        """Waits for the reply to the request of this ID."""

        def fits(message: MQTTMessage) -> bool:
            if not message.topic.startswith(self.reply_topic):
                return False
            # The service publishes other messages below its own reply topic, which are not replies.
            body = json.loads(message.payload)
            return "ok" in body and bool(body["requestID"] == request_id)

        answered: dict[str, Any] = json.loads(self.expect(fits, f"the reply to {request_id}").payload)
        return answered

    def ask(self, action: str, **values: Any) -> Any:
        """Sends a request as clients of this version do, and returns its result. Raises Refused."""
        request_id, topic = token_hex(8), f"{self.reply_topic}/{token_hex(2)}"
        if self.version == "mqtt5":
            self.send(action, values, CorrelationData=request_id.encode(), ResponseTopic=topic)
        else:
            self.send(action, {**values, "requestID": request_id, "replyTo": topic})
        return result_of(self.reply(request_id))

    def settle(self) -> None:
        """Returns once the service has answered all that this client sent before."""
        with suppress(Refused):
            if self._role == "vehicle":
                self.ask("findReservation")
            else:
                self.ask("receiveAllReservations", chargingStationID=1)

    def _on_message(self, _client: Client, _data: Any, message: MQTTMessage) -> None:
        with self._news:
            self._arrived.append(message)
            self._news.notify_all()

    def _describe(self) -> list[tuple[str, bytes]]:
        return [(message.topic, message.payload[:300]) for message in self._arrived]


def result_of(reply: dict[str, Any]) -> Any:
    """The result of a reply's body. Raises Refused where it is an error."""
    if reply["ok"]:
        assert set(reply) == {"requestID", "ok", "result"}
        return reply["result"]
    assert set(reply) == {"requestID", "ok", "error"}
    assert set(reply["error"]) == {"code", "message", "retryable"}
    raise Refused(reply["error"]["code"], reply["error"]["message"])
