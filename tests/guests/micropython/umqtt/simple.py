"""MicroPython's umqtt.simple for CPython, over paho-mqtt: what docs/examples/esp32_charger.py uses of it.

As there, topics and messages arrive as bytes, `check_msg` handles at most one message and never waits, and
a lost connection is an OSError.
"""

from collections.abc import Callable
from queue import Empty, SimpleQueue

from paho.mqtt.client import Client, MQTTMessage, MQTTv311
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode

_SECONDS = 30.0


class MQTTClient:
    def __init__(
        self,
        client_id: str,
        server: str,
        port: int = 0,
        user: str | None = None,
        password: str | None = None,
        keepalive: int = 0,
    ) -> None:
        self._client = Client(CallbackAPIVersion.VERSION2, client_id, protocol=MQTTv311)
        self._client.username_pw_set(user, password)
        self._client.on_message = self._keep
        self._address = (server, port or 1883, keepalive)
        self._messages: SimpleQueue[MQTTMessage] = SimpleQueue()
        self._callback: Callable[[bytes, bytes], None] | None = None

    def _keep(self, _client: Client, _data: object, message: MQTTMessage) -> None:
        self._messages.put(message)

    def set_callback(self, callback: Callable[[bytes, bytes], None]) -> None:
        self._callback = callback

    def set_last_will(self, topic: str, message: str, retain: bool = False, qos: int = 0) -> None:
        self._client.will_set(topic, message, qos, retain)

    def connect(self) -> None:
        self._client.connect(*self._address)
        self._client.loop_start()

    def subscribe(self, topic: str, qos: int = 0) -> None:
        _check(self._client.subscribe(topic, qos)[0])

    def publish(self, topic: str, message: str, retain: bool = False, qos: int = 0) -> None:
        sent = self._client.publish(topic, message, qos, retain)
        _check(sent.rc)
        sent.wait_for_publish(_SECONDS)

    def check_msg(self) -> None:
        try:
            message = self._messages.get_nowait()
        except Empty:
            return
        assert self._callback is not None
        self._callback(message.topic.encode(), bytes(message.payload))

    def ping(self) -> None:
        """Paho keeps the connection alive by itself."""


def _check(code: MQTTErrorCode) -> None:
    if code != MQTTErrorCode.MQTT_ERR_SUCCESS:
        raise OSError(code)
