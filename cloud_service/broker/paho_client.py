"""What everything that drives paho-mqtt here has in common: the client, its properties, its messages."""

import socket
import ssl
from struct import pack
from typing import Final, Literal, TypeAlias

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties, VariableByteIntegers

from cloud_service.broker.address import BrokerAddress
from cloud_service.protocol.messages import Message

Protocol: TypeAlias = Literal["mqtt5", "mqtt311"]

KEEP_ALIVE: Final = 15
"""In seconds. A peer that is gone without a word is noticed after twice this time at the latest."""
CONNECT_TIMEOUT: Final = 5.0
"""In seconds, for TCP and for TLS each."""


class _Client(Client):
    """paho's loop_read() ignores its argument and reads as many packets as there are messages under way.

    Thousands of replies under way would then mean thousands of requests read before one is decided.
    """

    def loop_read(self, max_packets: int = 1) -> MQTTErrorCode:
        for _ in range(max_packets):
            if self._sock is None:
                return MQTTErrorCode.MQTT_ERR_NO_CONN
            result = self._packet_read()
            if result == MQTTErrorCode.MQTT_ERR_AGAIN:
                break
            if result != MQTTErrorCode.MQTT_ERR_SUCCESS:
                return self._loop_rc_handle(result)
        return MQTTErrorCode.MQTT_ERR_SUCCESS


def build_client(
    address: BrokerAddress,
    client_id: str,
    *,
    protocol: Protocol = "mqtt5",
    clean: bool = True,
    will: Message | None = None,
    manual_ack: bool = False,
) -> Client:
    """A client that is not connected yet and reconnects only when it is told to.

    `clean` is 3.1.1's; in MQTT 5 `open_connection` says how long the session lasts. Raises OSError where a
    certificate's file cannot be read.
    """
    client = _Client(
        CallbackAPIVersion.VERSION2,
        client_id,
        clean_session=clean if protocol == "mqtt311" else None,
        protocol=MQTTProtocolVersion.MQTTv311 if protocol == "mqtt311" else MQTTProtocolVersion.MQTTv5,
        reconnect_on_failure=False,
        manual_ack=manual_ack,
    )
    client.connect_timeout = CONNECT_TIMEOUT
    client.max_inflight_messages = 0  # who publishes keeps count: paho forgets its own on a reconnect
    if address.user is not None:
        client.username_pw_set(address.user, address.password)
    if address.ca_file is not None:
        client.tls_set_context(tls_context(address))
    if will is not None:
        client.will_set(will.topic, will.payload, will.qos, will.retain)
    return client


def tls_context(address: BrokerAddress) -> ssl.SSLContext:
    """TLS from 1.2 on, the broker's certificate and name checked, with the device's certificate if any.

    Raises OSError, with the files' names, where one cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=address.ca_file)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if address.certificate_file is not None:
            context.load_cert_chain(address.certificate_file, address.key_file)
    except OSError as error:
        files = (address.ca_file, address.certificate_file, address.key_file)
        named = ", ".join(str(file) for file in files if file is not None)
        raise OSError(f"TLS with {named}: {error}") from error
    return context


def open_connection(
    client: Client, address: BrokerAddress, *, protocol: Protocol = "mqtt5", session_expiry: int = 0
) -> None:
    """Connects and sends CONNECT; the answer is the reader's to await. Blocks up to twice CONNECT_TIMEOUT.

    `session_expiry` is in seconds; with 0 the session is clean. Raises OSError
    where the broker is not reached.
    """
    if protocol == "mqtt311":
        client.connect(address.host, address.port, KEEP_ALIVE)
    else:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = session_expiry
        client.connect(
            address.host, address.port, KEEP_ALIVE, clean_start=session_expiry == 0, properties=properties
        )
    connection = client.socket()
    if not isinstance(connection, socket.socket):
        raise ConnectionError("the connection broke at once")
    # Nagle's algorithm and delayed acknowledgements together cost 40 ms a request.
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)


def to_message(received: MQTTMessage) -> Message:
    """A message as it came in."""
    properties = received.properties
    if properties is None:
        return Message(received.topic, bytes(received.payload), received.retain, received.qos)
    known = vars(properties)
    return Message(
        received.topic,
        bytes(received.payload),
        received.retain,
        received.qos,
        known.get("CorrelationData"),
        known.get("ResponseTopic"),
        known.get("MessageExpiryInterval"),
        next((value for name, value in known.get("UserProperty", ()) if name == "status"), None),
    )


def to_properties(message: Message) -> Properties:
    """The message's MQTT 5 properties, as paho's publish() takes them."""
    packed = _JSON if message.payload else b""
    if message.expiry is not None:
        packed += pack("!BI", 2, message.expiry)
    if message.response_topic is not None:
        packed += b"\x08" + _binary(message.response_topic.encode())
    if message.correlation is not None:
        packed += b"\x09" + _binary(message.correlation)
    if message.status is not None:
        packed += _STATUS + _binary(message.status.encode())
    length: bytes = VariableByteIntegers.encode(len(packed))  # type: ignore[no-untyped-call]
    return _PackedProperties(length + packed)


class _PackedProperties(Properties):
    """Properties that are bytes already: paho's own way takes a fifth of a service's time."""

    packed: bytes

    def __init__(self, packed: bytes) -> None:
        object.__setattr__(self, "packed", packed)

    def pack(self) -> bytes:
        return self.packed

    def __str__(self) -> str:
        return f"[{len(self.packed)} bytes]"


def _binary(value: bytes) -> bytes:
    return pack("!H", len(value)) + value


_JSON: Final = b"\x03" + _binary(b"application/json")
_STATUS: Final = b"\x26" + _binary(b"status")
