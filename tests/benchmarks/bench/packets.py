"""The few MQTT 5 packets that a load needs, as bytes: a load must cost little compared with the service."""

from collections.abc import Iterator

from cloud_service.mqtt.publish_packet import pack_variable


def text(value: bytes) -> bytes:
    return len(value).to_bytes(2, "big") + value


def connect(client_id: str) -> bytes:
    """CONNECT with a clean session, without keep-alive; the broker may have 65,535 messages in flight."""
    body = text(b"MQTT") + b"\x05\x02\x00\x00" + b"\x03\x21\xff\xff" + text(client_id.encode())
    return b"\x10" + pack_variable(len(body)) + body


def subscribe(topic: str) -> bytes:
    body = b"\x00\x01\x00" + text(topic.encode()) + b"\x01"
    return b"\x82" + pack_variable(len(body)) + body


def publish(topic: bytes, number: int, properties: bytes, payload: bytes) -> bytes:
    """QoS 1. `topic` and `properties` are packed already."""
    size = len(topic) + 2 + len(properties) + len(payload)
    return b"".join((b"\x32", pack_variable(size), topic, number.to_bytes(2, "big"), properties, payload))


def puback(number: bytes) -> bytes:
    return b"\x40\x02" + number


def packets(buffer: bytearray) -> Iterator[tuple[int, bytes]]:
    """Takes whole packets from the buffer: the first byte, and what follows the length."""
    at = 0
    while at + 2 <= len(buffer):
        size, shift, body = 0, 0, at + 1
        while body < len(buffer):
            byte = buffer[body]
            body += 1
            size |= (byte & 127) << shift
            shift += 7
            if byte < 128:
                break
        else:
            break
        if body + size > len(buffer):
            break
        yield buffer[at], bytes(buffer[body : body + size])
        at = body + size
    del buffer[:at]


def properties(reply_topic: bytes, correlation: bytes) -> bytes:
    """Response Topic and Correlation Data."""
    packed = b"\x08" + text(reply_topic) + b"\x09" + text(correlation)
    return pack_variable(len(packed)) + packed


def correlation(body: bytes) -> tuple[bytes, bytes]:
    """The packet number of a PUBLISH with QoS 1, and its Correlation Data if it is `MARK` and a number."""
    at = 2 + int.from_bytes(body[:2], "big")
    begin = body.find(MARK, at)
    return body[at : at + 2], body[begin : begin + CORRELATION_BYTES] if begin >= 0 else b""


MARK = b"bench-"
CORRELATION_BYTES = len(MARK) + 16
