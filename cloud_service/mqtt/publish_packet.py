"""PUBLISH and PUBACK packets as bytes. Pure.

Nine of ten packets are of these two kinds, and strangers choose what is in a PUBLISH: the broker forwards
whatever MQTT allows. paho-mqtt's reader takes quadratic time in the number of properties, minutes for one
packet, and rejects U+FEFF in a text, which ends the connection; the packet is then delivered again on the
next connection, and so on. The reader here goes through the properties once, decodes the few that are used,
and skips the others.
"""

import struct
from struct import pack, unpack_from
from typing import Final

from cloud_service.protocol.messages import Message
from cloud_service.protocol.roles import LONGEST_NAME
from cloud_service.protocol.traces import TRACEPARENT_LENGTH

MOST_IN_FLIGHT: Final = 65_535
"""MQTT numbers packets from 1 to this."""
PUBLISH: Final = 0x30
PUBACK: Final = 0x40
"""The upper half of a packet's first byte."""
SUCCESS: Final = 0x00
NO_SUBSCRIBERS: Final = 0x10
"""A PUBACK with this reason code says that nobody has subscribed to the topic."""
FIRST_FAILURE: Final = 0x80
"""Reason codes from here on report a failure."""
MAX_PROPERTY_BYTES: Final = 3 * 65_536
"""Content Type, Response Topic and Correlation Data at their longest. Longer properties are not read."""

_MAX_TOPIC_BYTES: Final = 65_535
_MAX_PACKET_BYTES: Final = 0x0FFF_FFFF
_MOST_DIGITS: Final = 9
_DUPLICATE: Final = 0x08
_PAYLOAD_FORMAT, _EXPIRY, _CONTENT_TYPE, _RESPONSE_TOPIC, _CORRELATION = 0x01, 0x02, 0x03, 0x08, 0x09
_SUBSCRIPTION, _TOPIC_ALIAS, _USER_PROPERTY = 0x0B, 0x23, 0x26


class Malformed(Exception):
    """The bytes are not an MQTT packet. No broker sends such bytes."""


def read_publish(first: int, body: bytes, *, mqtt5: bool) -> tuple[Message, int]:
    """Returns the message and its packet number, which is 0 at QoS 0.

    `first` is the first byte of the packet, `body` what follows its length. Raises Malformed.
    """
    qos = first >> 1 & 3
    try:
        topic, at = _field(body, 0)
        number = 0
        if qos:
            (number,) = unpack_from("!H", body, at)
            at += 2
        properties = _Properties()
        if mqtt5:
            length, at = _variable(body, at)
            end = at + length
            if end > len(body):
                raise Malformed("the properties are longer than the packet")
            properties.read(body, at, end)
            at = end
    except (struct.error, IndexError) as error:
        raise Malformed(f"the packet ends too early: {error}") from None
    message = Message(
        _text(topic),
        body[at:],
        bool(first & 1),
        qos,
        properties.correlation,
        properties.response_topic,
        properties.expiry,
        properties.status,
        properties.too_long,
        properties.traceparent,
        properties.owner,
        properties.errors,
    )
    return message, number


def write_publish(message: Message, number: int, *, mqtt5: bool, duplicate: bool = False) -> bytes:
    """Returns the packet. `number` is not used at QoS 0; MQTT 3.1.1 has no properties.

    Raises ValueError if the topic has a wildcard, or the topic or the packet is too long.
    """
    topic = message.topic.encode()
    if b"+" in topic or b"#" in topic:
        raise ValueError(f"a message cannot be published on {message.topic[:200]!r}: it has a wildcard")
    if not 0 < len(topic) <= _MAX_TOPIC_BYTES:
        raise ValueError(f"a topic has 1 to {_MAX_TOPIC_BYTES} bytes: this one has {len(topic)}")
    first = PUBLISH | message.qos << 1 | message.retain | (_DUPLICATE if duplicate else 0)
    head = _packed(topic)
    if message.qos:
        head += pack("!H", number)
    if mqtt5:
        properties = _pack_properties(message)
        head += pack_variable(len(properties)) + properties
    length = len(head) + len(message.payload)
    if length > _MAX_PACKET_BYTES:
        raise ValueError(
            f"an MQTT packet has at most {_MAX_PACKET_BYTES} bytes: this one would have {length}"
        )
    return b"%c%b%b%b" % (first, pack_variable(length), head, message.payload)


def read_puback(body: bytes) -> tuple[int, int]:
    """Returns the packet number and the reason code. Raises Malformed."""
    if len(body) < 2:
        raise Malformed("a PUBACK without a packet number")
    return body[0] << 8 | body[1], body[2] if len(body) > 2 else SUCCESS


def write_puback(number: int) -> bytes:
    """Returns the packet that acknowledges a message."""
    return pack("!BBH", PUBACK, 2, number)


class _Properties:
    """The properties of a PUBLISH packet that are used."""

    def __init__(self) -> None:
        self.correlation: bytes | None = None
        self.response_topic: str | None = None
        self.expiry: int | None = None
        self.status: str | None = None
        self.traceparent: str | None = None
        self.owner: str | None = None
        self.errors: int | None = None
        self.too_long = False

    def read(self, body: bytes, at: int, end: int) -> None:
        self.too_long = end - at > MAX_PROPERTY_BYTES
        while at < end and not self.too_long:
            at = self._read_one(body[at], body, at + 1)

    def _read_one(self, identifier: int, body: bytes, at: int) -> int:
        """Returns where the next property begins."""
        if identifier == _USER_PROPERTY:
            name, at = _field(body, at)
            value, at = _field(body, at)
            self._read_user_property(name, value)
        elif identifier == _CORRELATION:
            self.correlation, at = _field(body, at)
        elif identifier == _RESPONSE_TOPIC:
            topic, at = _field(body, at)
            self.response_topic = _text(topic)
        elif identifier == _EXPIRY:
            (self.expiry,) = unpack_from("!I", body, at)
            at += 4
        elif identifier == _CONTENT_TYPE:
            _, at = _field(body, at)
        elif identifier == _PAYLOAD_FORMAT:
            at += 1
        elif identifier == _TOPIC_ALIAS:
            at += 2
        elif identifier == _SUBSCRIPTION:
            _, at = _variable(body, at)
        else:
            raise Malformed(f"{identifier:#x} is not a property of a PUBLISH packet")
        return at

    def _read_user_property(self, name: bytes, value: bytes) -> None:
        """Of several with one name, the first counts."""
        if name == b"status" and self.status is None:
            self.status = _text(value)
        elif name == b"traceparent" and self.traceparent is None and len(value) == TRACEPARENT_LENGTH:
            self.traceparent = _text(value)
        elif name == b"owner" and self.owner is None and len(value) <= LONGEST_NAME:
            self.owner = _text(value)
        elif name == b"errors" and self.errors is None and len(value) <= _MOST_DIGITS and value.isdigit():
            self.errors = int(value)


def _field(body: bytes, at: int) -> tuple[bytes, int]:
    """Reads two bytes of length and as many bytes; returns them and where the next field begins."""
    begin = at + 2
    end = begin + (body[at] << 8 | body[at + 1])
    if end > len(body):
        raise Malformed("a field is longer than the packet")
    return body[begin:end], end


def _variable(body: bytes, at: int) -> tuple[int, int]:
    """Reads a Variable Byte Integer: seven bits a byte, the lowest first."""
    value = 0
    for shift in (0, 7, 14, 21):
        byte = body[at]
        at += 1
        value |= (byte & 127) << shift
        if not byte & 128:
            return value, at
    raise Malformed("an integer has more than four bytes")


def _text(value: bytes) -> str:
    """The broker checks UTF-8. With the replacement character, a text matches no topic and no status."""
    return value.decode(errors="replace")


def _pack_properties(message: Message) -> bytes:
    packed = _JSON if message.payload else b""
    if message.expiry is not None:
        packed += pack("!BI", _EXPIRY, message.expiry)
    if message.response_topic is not None:
        packed += b"%c%b" % (_RESPONSE_TOPIC, _packed(message.response_topic.encode()))
    if message.correlation is not None:
        packed += b"%c%b" % (_CORRELATION, _packed(message.correlation))
    if message.status is not None:
        packed += _STATUS + _packed(message.status.encode())
    if message.traceparent is not None:
        packed += _TRACEPARENT + _packed(message.traceparent.encode())
    if message.owner is not None:
        packed += _OWNER + _packed(message.owner.encode())
    if message.errors is not None:
        packed += _ERRORS + _packed(b"%d" % message.errors)
    return packed


def _packed(value: bytes) -> bytes:
    return pack("!H", len(value)) + value


def pack_variable(value: int) -> bytes:
    """Returns a Variable Byte Integer, such as a packet's length."""
    packed = b""
    while value > 127:
        packed += b"%c" % (value & 127 | 128)
        value >>= 7
    return packed + b"%c" % value


_JSON: Final = b"%c%b" % (_CONTENT_TYPE, _packed(b"application/json"))
_STATUS: Final = b"%c%b" % (_USER_PROPERTY, _packed(b"status"))
_TRACEPARENT: Final = b"%c%b" % (_USER_PROPERTY, _packed(b"traceparent"))
_OWNER: Final = b"%c%b" % (_USER_PROPERTY, _packed(b"owner"))
_ERRORS: Final = b"%c%b" % (_USER_PROPERTY, _packed(b"errors"))
