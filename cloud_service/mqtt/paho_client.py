"""What everything that drives paho-mqtt here has in common: the client, its properties, its messages."""

import logging
import socket
import ssl
from collections import deque
from collections.abc import Callable
from struct import pack
from typing import Any, Final, Literal, TypeAlias

from paho.mqtt.client import Client
from paho.mqtt.enums import CallbackAPIVersion, MQTTErrorCode, MQTTProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties, VariableByteIntegers
from paho.mqtt.reasoncodes import ReasonCode

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.publish_packet import Malformed, Publish, read_publish
from cloud_service.protocol.messages import Message

log = logging.getLogger(__name__)

Protocol: TypeAlias = Literal["mqtt5", "mqtt311"]

KEEP_ALIVE: Final = 15
"""In seconds. A peer that is gone without a word is noticed after twice this time at the latest."""
CONNECT_TIMEOUT: Final = 5.0
"""In seconds, for TCP and for TLS each."""
_PIECE_BYTES: Final = 65_536
"""Received, or sent, at a time."""
_TAKEN: Final = ReasonCode(PacketTypes.PUBACK)
_NO_PROPERTIES: Final = Properties(PacketTypes.PUBACK)  # type: ignore[no-untyped-call]


class PahoClient(Client):
    """paho's client, reading as we need it. `on_publish_packet` is called for each message that comes in.

    A few things are not as paho does them, each by means of its private methods; pyproject.toml names the
    versions with which that was tried. `read_publish` reads a PUBLISH packet, and says why. `loop_read` reads
    as many packets as it is asked for: paho's reads as many as there are messages under way, and thousands of
    replies under way would mean thousands of requests read before one is decided. Bytes are received and sent
    many at a time, not one by one for each packet's header and a packet at a time, and a PUBACK that says
    nothing but success is taken for that: these cost a third of the service's time.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.on_publish_packet: Callable[[Publish], None] = _ignore
        self._received = b""
        self._taken = 0

    @property
    def holds_bytes(self) -> bool:
        """Whether there are bytes to be read that the socket no longer tells of."""
        tls = self._sock.pending() > 0 if isinstance(self._sock, ssl.SSLSocket) else False
        return tls or self._taken < len(self._received)

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

    def loop_write(self) -> MQTTErrorCode:
        self._join_packets()
        return super().loop_write()

    def _join_packets(self) -> None:
        """Makes one piece of packets that follow each other, where nothing is to be done between them."""
        packets, self._out_packet = self._out_packet, deque()
        for packet in packets:
            last = self._out_packet[-1] if self._out_packet else packet
            size = len(last["packet"]) + len(packet["packet"])
            if last is not packet and _only_sent(last) and _only_sent(packet) and size <= _PIECE_BYTES:
                last["packet"] += packet["packet"]
                last["to_process"] += packet["to_process"]
            else:
                self._out_packet.append(packet)

    def _sock_recv(self, bufsize: int) -> bytes:
        if self._taken == len(self._received):
            self._received, self._taken = super()._sock_recv(_PIECE_BYTES), 0
        begin = self._taken
        self._taken = min(begin + bufsize, len(self._received))
        return self._received[begin : self._taken]

    def _sock_close(self) -> None:
        self._received, self._taken = b"", 0
        super()._sock_close()

    def _handle_publish(self) -> MQTTErrorCode:
        packet = self._in_packet
        try:
            publish = read_publish(
                packet["command"],
                bytes(packet["packet"]),
                mqtt5=self._protocol == MQTTProtocolVersion.MQTTv5,
            )
        except Malformed as reason:
            log.error("the broker sent a packet that cannot be read: %s", reason)
            return MQTTErrorCode.MQTT_ERR_PROTOCOL
        self.on_publish_packet(publish)
        if publish.number and not self._manual_ack:
            return self._send_puback(publish.number)
        return MQTTErrorCode.MQTT_ERR_SUCCESS

    def _handle_pubackcomp(self, cmd: Literal["PUBACK", "PUBCOMP"]) -> MQTTErrorCode:
        packet = self._in_packet["packet"]
        if cmd != "PUBACK" or len(packet) != 2:
            return super()._handle_pubackcomp(cmd)
        number = packet[0] << 8 | packet[1]
        with self._out_message_mutex:
            if number in self._out_messages:
                return self._do_on_publish(number, _TAKEN, _NO_PROPERTIES)
        return MQTTErrorCode.MQTT_ERR_SUCCESS


def _only_sent(packet: Any) -> bool:
    """Whether nothing is left to do once the packet was sent: what is published at QoS 1, and PUBACKs."""
    return bool(packet["qos"]) or packet["command"] & 0xF0 == PacketTypes.PUBACK << 4


def _ignore(_publish: Publish) -> None:
    pass


def build_client(
    address: BrokerAddress,
    client_id: str,
    *,
    protocol: Protocol = "mqtt5",
    clean: bool = True,
    will: Message | None = None,
    manual_ack: bool = False,
) -> PahoClient:
    """A client that is not connected yet and reconnects only when it is told to.

    `clean` is 3.1.1's; in MQTT 5 `open_connection` says how long the session lasts. Raises OSError where a
    certificate's file cannot be read.
    """
    client = PahoClient(
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
