"""A PUBLISH packet's bytes as a message. Pure.

Strangers choose what is in its properties, and the broker forwards whatever MQTT allows. paho's own reader
takes a time that grows with the square of their number, minutes for one packet, and calls a text with U+FEFF
malformed, which ends the connection; the packet then comes again on the next one, and so on for ever. This
reader goes through them once, decodes the few that mean something here, and passes over the others.
"""

import struct
from struct import unpack_from
from typing import Final

from msgspec import Struct

from cloud_service.protocol.messages import Message

MAX_PROPERTY_BYTES: Final = 3 * 65_536
"""Content Type, Response Topic and Correlation Data at their longest; beyond it, properties are not read."""

_PAYLOAD_FORMAT, _EXPIRY, _CONTENT_TYPE, _RESPONSE_TOPIC, _CORRELATION = 0x01, 0x02, 0x03, 0x08, 0x09
_SUBSCRIPTION, _TOPIC_ALIAS, _USER_PROPERTY = 0x0B, 0x23, 0x26


class Malformed(Exception):
    """The bytes are no PUBLISH packet, which no broker sends."""


class Publish(Struct, frozen=True, gc=False):
    """A message, and the number by which it is acknowledged: 0 at QoS 0."""

    message: Message
    number: int


def read_publish(command: int, packet: bytes, *, mqtt5: bool) -> Publish:
    """Reads what follows the fixed header, whose first byte is `command`. Raises Malformed."""
    qos = command >> 1 & 3
    try:
        topic, at = _binary(packet, 0)
        number = 0
        if qos:
            (number,) = unpack_from("!H", packet, at)
            at += 2
        found = _Properties()
        if mqtt5:
            length, at = _variable(packet, at)
            end = at + length
            if end > len(packet):
                raise Malformed("the properties are longer than the packet")
            found.read(packet, at, end)
            at = end
    except (struct.error, IndexError) as error:
        raise Malformed(f"the packet ends too early: {error}") from None
    message = Message(
        _text(topic),
        packet[at:],
        bool(command & 1),
        qos,
        found.correlation,
        found.response_topic,
        found.expiry,
        found.status,
        found.too_long,
    )
    return Publish(message, number)


class _Properties:
    """Those of a PUBLISH packet that mean something here."""

    def __init__(self) -> None:
        self.correlation: bytes | None = None
        self.response_topic: str | None = None
        self.expiry: int | None = None
        self.status: str | None = None
        self.too_long = False

    def read(self, packet: bytes, at: int, end: int) -> None:
        self.too_long = end - at > MAX_PROPERTY_BYTES
        while at < end and not self.too_long:
            at = self._read_one(packet[at], packet, at + 1)

    def _read_one(self, identifier: int, packet: bytes, at: int) -> int:
        """Returns where the next one begins."""
        if identifier == _USER_PROPERTY:
            name, at = _binary(packet, at)
            value, at = _binary(packet, at)
            if name == b"status" and self.status is None:
                self.status = _text(value)
        elif identifier == _CORRELATION:
            self.correlation, at = _binary(packet, at)
        elif identifier == _RESPONSE_TOPIC:
            topic, at = _binary(packet, at)
            self.response_topic = _text(topic)
        elif identifier == _EXPIRY:
            (self.expiry,) = unpack_from("!I", packet, at)
            at += 4
        elif identifier == _CONTENT_TYPE:
            _, at = _binary(packet, at)
        elif identifier == _PAYLOAD_FORMAT:
            at += 1
        elif identifier == _TOPIC_ALIAS:
            at += 2
        elif identifier == _SUBSCRIPTION:
            _, at = _variable(packet, at)
        else:
            raise Malformed(f"{identifier:#x} is no property of a PUBLISH packet")
        return at


def _binary(packet: bytes, at: int) -> tuple[bytes, int]:
    begin = at + 2
    end = begin + (packet[at] << 8 | packet[at + 1])
    if end > len(packet):
        raise Malformed("a field is longer than the packet")
    return packet[begin:end], end


def _variable(packet: bytes, at: int) -> tuple[int, int]:
    """A Variable Byte Integer: seven bits a byte, the lowest first."""
    value = 0
    for shift in (0, 7, 14, 21):
        byte = packet[at]
        at += 1
        value |= (byte & 127) << shift
        if not byte & 128:
            return value, at
    raise Malformed("an integer has more than four bytes")


def _text(value: bytes) -> str:
    """What is not UTF-8, which the broker checks, fits no topic and no status afterwards."""
    return value.decode(errors="replace")
