"""PUBLISH packets: what paho writes is read as meant, and nothing that a broker forwards is refused."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from cloud_service.mqtt.publish_packet import MAX_PROPERTY_BYTES, Malformed, read_publish, write_publish
from cloud_service.protocol.messages import Message
from tests.kit.mqtt_bytes import text, variable

TOPIC = "recharge/v1/request/findReservation/ana"
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff"), max_size=40)


def body(properties: bytes, payload: bytes = b"{}", topic: str = TOPIC) -> bytes:
    """Of a packet with QoS 1 and the number 258."""
    return text(topic) + b"\x01\x02" + variable(len(properties)) + properties + payload


def read(properties: bytes) -> Message:
    return read_publish(0x32, body(properties), mqtt5=True)[0]


@given(
    topic=TEXT,
    payload=st.binary(max_size=300),
    qos=st.integers(0, 1),
    retain=st.booleans(),
    correlation=st.none() | st.binary(min_size=1, max_size=40),
    response_topic=st.none() | TEXT,
    expiry=st.none() | st.integers(0, 2**32 - 1),
    status=st.none() | TEXT,
    others=st.lists(st.tuples(TEXT, TEXT), max_size=3),
    content_type=st.none() | TEXT,
    subscription=st.none() | st.integers(1, 2**28 - 1),
)
def test_what_paho_writes_is_read(
    topic: str, payload: bytes, qos: int, retain: bool, others: list[tuple[str, str]], **fields: Any
) -> None:
    written = Properties(PacketTypes.PUBLISH)
    names = {"correlation": "CorrelationData", "response_topic": "ResponseTopic"}
    names |= {"expiry": "MessageExpiryInterval", "content_type": "ContentType"}
    names |= {"subscription": "SubscriptionIdentifier"}
    for field, name in names.items():
        if fields[field] is not None:
            setattr(written, name, fields[field])
    status = fields["status"]
    pairs = [pair for pair in others if pair[0] != "status"] + (
        [] if status is None else [("status", status)]
    )
    if pairs:
        written.UserProperty = pairs
    number = b"\x01\x02" if qos else b""
    packet = text(topic) + number + written.pack() + payload

    message, found_number = read_publish(0x30 | qos << 1 | retain, packet, mqtt5=True)

    assert found_number == (258 if qos else 0)
    assert message == Message(
        topic, payload, retain, qos, fields["correlation"], fields["response_topic"], fields["expiry"], status
    )


@given(trace=st.text(st.characters(codec="ascii"), min_size=55, max_size=55), other=TEXT)
def test_a_trace_context_is_read_as_it_was_written(trace: str, other: str) -> None:
    message = Message(TOPIC, b"{}", status="ok", traceparent=trace)
    packet = write_publish(message, 258, mqtt5=True)
    head = 2 if packet[1] < 128 else 3
    assert read_publish(packet[0], packet[head:], mqtt5=True) == (message, 258)
    assume(len(other.encode()) != 55)
    wrong = b"\x26" + text("traceparent") + text(other)
    assert read(wrong).traceparent is None, "it does not have the length"


@given(owner=st.text(st.characters(codec="ascii"), max_size=64))
def test_an_owner_is_read_as_it_was_written(owner: str) -> None:
    message = Message(TOPIC, b"{}", owner=owner)
    packet = write_publish(message, 258, mqtt5=True)
    head = 2 if packet[1] < 128 else 3
    assert read_publish(packet[0], packet[head:], mqtt5=True) == (message, 258)
    assert read(b"\x26" + text("owner") + text("x" * 65)).owner is None, "no account has such a name"


@given(errors=st.integers(0, 999_999_999))
def test_a_number_of_errors_is_read_as_it_was_written(errors: int) -> None:
    message = Message(TOPIC, b"{}", errors=errors)
    packet = write_publish(message, 258, mqtt5=True)
    assert read_publish(packet[0], packet[2:], mqtt5=True) == (message, 258)


@pytest.mark.parametrize("wrong", ["", "-1", "many", "9" * 10, "\u0661"])
def test_what_is_no_number_of_errors_is_left_out(wrong: str) -> None:
    assert read(b"\x26" + text("errors") + text(wrong)).errors is None


def test_mqtt_3_1_1_has_no_properties() -> None:
    found = read_publish(0x32, text(TOPIC) + b"\x00\x07" + b"{}", mqtt5=False)
    assert found == (Message(TOPIC, b"{}"), 7)


def test_a_byte_order_mark_is_a_character_like_others() -> None:
    """MQTT-1.5.4-3 says so; paho's own reader ends the connection."""
    message = read(
        b"\x26" + text("\ufeff") + text("\ufeff") + b"\x08" + text("\ufeffa") + b"\x09" + text("id")
    )
    assert (message.response_topic, message.correlation) == ("\ufeffa", b"id")


def test_only_so_many_properties_are_read() -> None:
    empty = b"\x26\0\0\0\0"
    correlation = b"\x09" + text("id")
    room = MAX_PROPERTY_BYTES - len(correlation)
    assert read(empty * (room // 5) + correlation).correlation == b"id"
    message = read(empty * (room // 5 + 1) + correlation)
    assert (message.properties_too_long, message.correlation, message.payload) == (True, None, b"{}")


@pytest.mark.parametrize(
    "packet",
    [
        b"",
        b"\x00",
        b"\x00\x05abc",
        text(TOPIC),
        text(TOPIC) + b"\x01",
        text(TOPIC) + b"\x00\x01",
        text(TOPIC) + b"\x00\x01\xff\xff\xff\xff\x01",
        text(TOPIC) + b"\x00\x01\x05\x09\x00",
        body(b"\x7f"),
        text(TOPIC) + b"\x00\x01\x03\x09\xff\xff",
    ],
)
def test_what_is_no_packet_is_malformed(packet: bytes) -> None:
    with pytest.raises(Malformed):
        read_publish(0x32, packet, mqtt5=True)


@given(st.integers(0, 255), st.binary(max_size=60), st.booleans())
def test_any_bytes_are_a_message_or_malformed(command: int, packet: bytes, mqtt5: bool) -> None:
    with suppress(Malformed):
        read_publish(command, packet, mqtt5=mqtt5)
