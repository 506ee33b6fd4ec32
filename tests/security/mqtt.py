"""A blocking MQTT client for tests, over paho: what the broker says to each packet, and all that arrives."""

import queue
import ssl
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from paho.mqtt.client import Client, MQTTMessage, MQTTProtocolVersion
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

PATIENCE = 30.0
PROTOCOLS = {"mqtt5": MQTTProtocolVersion.MQTTv5, "mqtt311": MQTTProtocolVersion.MQTTv311}


class Refused(Exception):
    """The broker refused the connection."""


class MQTT:
    """Connects on entering. `subscribe` and `publish` return once the broker has answered."""

    def __init__(
        self,
        port: int,
        client_id: str,
        user: str | None = None,
        password: str | None = None,
        *,
        protocol: str = "mqtt5",
        ca_file: Path | None = None,
        pair: tuple[Path, Path] | None = None,
        host: str = "127.0.0.1",
        will: str | None = None,
        clean: bool = True,
    ) -> None:
        self.received: queue.Queue[MQTTMessage] = queue.Queue()
        self.disconnected = threading.Event()
        self._host, self._port = host, port
        self._protocol = protocol
        self._clean = clean
        self._connected: queue.Queue[Any] = queue.Queue()
        self._answers: queue.Queue[tuple[int, list[Any]]] = queue.Queue()
        options: dict[str, Any] = {} if protocol == "mqtt5" else {"clean_session": clean}
        self._client = Client(
            CallbackAPIVersion.VERSION2,
            client_id,
            protocol=PROTOCOLS[protocol],
            reconnect_on_failure=False,
            **options,
        )
        self._client.username_pw_set(user, password)
        if will:
            self._client.will_set(will, b"gone", qos=1)
        if ca_file:
            context = ssl.create_default_context(cafile=str(ca_file))
            if pair:
                context.load_cert_chain(*map(str, pair))
            self._client.tls_set_context(context)
        self._client.max_inflight_messages_set(1000)
        self._client.on_connect = lambda _c, _u, _f, reason, _p: self._connected.put(reason)
        self._client.on_message = lambda _c, _u, message: self.received.put(message)
        self._client.on_subscribe = lambda _c, _u, number, reasons, _p: self._answers.put((number, reasons))
        self._client.on_publish = lambda _c, _u, number, reason, _p: self._answers.put((number, [reason]))
        self._client.on_disconnect = lambda *_: self.disconnected.set()

    def __enter__(self) -> Self:
        properties = None
        if self._protocol == "mqtt5" and not self._clean:
            properties = Properties(PacketTypes.CONNECT)
            properties.SessionExpiryInterval = 3600
        options: dict[str, Any] = {"clean_start": self._clean} if self._protocol == "mqtt5" else {}
        self._client.connect(self._host, self._port, keepalive=60, properties=properties, **options)
        self._client.loop_start()
        reason = self._connected.get(timeout=PATIENCE)
        if reason.is_failure:
            self._close()
            raise Refused(str(reason))
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._close()

    def _close(self) -> None:
        self._client.loop_stop()
        self._client._reset_sockets()  # paho leaves its own pair of sockets to the garbage collector

    def subscribe(self, filters: Sequence[str]) -> list[bool]:
        """Whether each filter was granted."""
        _, number = self._client.subscribe([(each, 1) for each in filters])
        return [not reason.is_failure for reason in self._answer(number)]

    def publish(
        self,
        topics: Sequence[str],
        payload: bytes = b"test",
        *,
        retain: bool = False,
        response_topic: str | None = None,
        user_properties: Sequence[tuple[str, str]] = (),
    ) -> list[bool]:
        """Whether the broker's answers granted each message. In MQTT 3.1.1 they all say so."""
        properties = None
        if response_topic or user_properties:
            properties = Properties(PacketTypes.PUBLISH)
            if response_topic:
                properties.ResponseTopic = response_topic
            if user_properties:
                properties.UserProperty = list(user_properties)
        numbers = [
            self._client.publish(topic, payload, qos=1, retain=retain, properties=properties).mid
            for topic in topics
        ]
        answers = {}
        while len(answers) < len(numbers):
            number, reasons = self._answers.get(timeout=PATIENCE)
            answers[number] = not reasons[0].is_failure
        return [answers[number] for number in numbers]

    def received_until(self, topic: str) -> set[str]:
        """The topics of what arrived before a message on this one, but for what was retained."""
        topics: set[str] = set()
        while (message := self.received.get(timeout=PATIENCE)).topic != topic:
            if not message.retain:
                topics.add(message.topic)
        return topics

    def _answer(self, number: int) -> list[Any]:
        answered, reasons = self._answers.get(timeout=PATIENCE)
        assert answered == number
        return reasons
