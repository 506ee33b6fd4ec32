"""A session, with a broker on the other end of a socket pair that says what the test has it say."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_service.mqtt.session import ANSWER_TIMEOUT_SECONDS, KEEP_ALIVE_SECONDS
from cloud_service.mqtt.version import Protocol
from cloud_service.protocol.messages import Message
from tests.kit.mqtt_bytes import packet, text
from tests.kit.mqtt_peers import SessionPeer

PINGREQ, PINGRESP, DISCONNECT = b"\xc0\x00", b"\xd0\x00", b"\xe0\x00"


def connack(code: int = 0, properties: bytes = b"", *, resumed: bool = False) -> bytes:
    return packet(0x20, bytes((resumed, code, len(properties))) + properties)


def suback(number: int, codes: bytes = b"\x01\x01") -> bytes:
    return packet(0x90, number.to_bytes(2, "big") + b"\x00" + codes)


def puback(number: int) -> bytes:
    return b"\x40\x02" + number.to_bytes(2, "big")


def arriving(number: int, payload: bytes = b"{}") -> bytes:
    return packet(0x32, text("test/one") + number.to_bytes(2, "big") + b"\x00" + payload)


def numbers(sent: bytes) -> list[int]:
    """The packet numbers of PUBLISH packets on topics of six bytes, without properties and payload."""
    return [int.from_bytes(sent[at + 10 : at + 12], "big") for at in range(0, len(sent), 13)]


Start = Callable[..., SessionPeer]


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts a session that is connected, and ready unless `login` says otherwise."""
    with ExitStack() as stack:

        def start(login: bytes = connack() + suback(1), **options: object) -> SessionPeer:
            peer = stack.enter_context(SessionPeer(**options))  # type: ignore[arg-type]
            peer.connect()
            peer.feed(login)
            peer.sent()
            return peer

        yield start


def test_nothing_is_published_before_the_subscriptions_are_accepted(start: Start) -> None:
    peer = start(login=b"")
    peer.publish(Message("test/1", b""))
    peer.feed(connack())
    assert not peer.session.ready
    assert peer.sent()[0] == 0x82
    peer.feed(suback(1))
    assert peer.session.ready
    assert numbers(peer.sent()) == [2]


def test_a_subscription_leaves_before_what_is_published_after_it(start: Start) -> None:
    peer = start(login=connack(), more="test/more")
    peer.feed(suback(1))
    subscribe, publish = peer.sent().split(b"test/more")[:2]
    assert subscribe[0] == 0x82
    assert publish[1] == 0x32


def test_without_subscriptions_the_login_is_enough(start: Start) -> None:
    assert start(login=connack(), topics=()).session.ready


def test_a_refused_subscription_ends_with_a_goodbye(start: Start) -> None:
    peer = start(login=connack())
    peer.feed(suback(1, b"\x01\x87"))
    assert peer.sent() == DISCONNECT
    assert not peer.session.connected
    assert peer.loss.cause == "refused"
    assert peer.loss.reason == "refused to subscribe to test/+/two: Not authorized"


def test_deliveries_are_acknowledged_in_the_order_of_their_arrival(start: Start) -> None:
    peer = start(manual=True)
    peer.feed(arriving(1) + arriving(2) + arriving(3))
    first, second, third = peer.deliveries
    peer.session.acknowledge(third)
    peer.session.acknowledge(second)
    peer.session.write()
    assert peer.sent() == b""
    peer.session.acknowledge(first)
    peer.session.write()
    assert peer.sent() == puback(1) + puback(2) + puback(3)


def test_a_delivery_of_an_earlier_connection_is_not_acknowledged(start: Start) -> None:
    peer = start(manual=True)
    peer.feed(arriving(1))
    peer.broker.close()
    peer.session.read(1)
    peer.connect()
    peer.feed(connack(resumed=True) + suback(2) + arriving(1))
    peer.sent()
    old, new = peer.deliveries
    peer.session.acknowledge(old)
    peer.session.write()
    assert peer.sent() == b""
    peer.session.acknowledge(new)
    peer.session.write()
    assert peer.sent() == puback(1)


def test_a_message_that_cannot_be_handled_is_acknowledged(
    start: Start, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    peer = start()
    monkeypatch.setattr(peer, "deliveries", None)
    with caplog.at_level(logging.ERROR):
        peer.feed(arriving(9))
    assert peer.sent() == puback(9)
    assert "a message on test/one could not be handled" in caplog.text


def test_at_most_the_window_is_in_flight(start: Start) -> None:
    peer = start(window=2)
    for number in range(4):
        peer.publish(Message(f"test/{number}", b""))
    assert numbers(peer.sent()) == [2, 3]
    assert (peer.session.outstanding, peer.session.waiting) == (4, 2)
    peer.feed(puback(3))
    assert numbers(peer.sent()) == [4]
    peer.feed(puback(2) + puback(4))
    assert numbers(peer.sent()) == [5]
    peer.feed(puback(5))
    assert (peer.session.outstanding, peer.session.outstanding_bytes) == (0, 0)


def test_the_broker_may_take_fewer(start: Start) -> None:
    peer = start(login=connack(properties=b"\x21\x00\x01") + suback(1))
    for number in range(2):
        peer.publish(Message(f"test/{number}", b""))
    assert numbers(peer.sent()) == [2]


def test_a_message_larger_than_the_broker_takes_is_refused_before_it_is_sent(start: Start) -> None:
    peer = start(login=connack(properties=b"\x27\x00\x00\x00\x64") + suback(1))
    peer.publish(Message("test/1", b"x" * 200))
    assert peer.sent() == b""
    assert peer.events[-1] == ("published", "test/1", False)
    assert peer.session.outstanding_bytes == 0


@pytest.mark.parametrize("topic", ["test/#", "test/+/1", "x" * 65_536, ""])
def test_a_message_that_cannot_be_sent_is_an_error_and_the_next_goes_out(start: Start, topic: str) -> None:
    peer = start()
    peer.publish(Message(topic, b""))
    assert peer.events[-1] == ("published", topic, False)
    peer.publish(Message("test/1", b""))
    assert len(numbers(peer.sent())) == 1


def test_a_number_in_use_is_not_given_twice(start: Start) -> None:
    peer = start()
    in_use = {2, *range(1_000, 65_536, 1_000)}
    for number in range(2, 65_536):
        peer.publish(Message("test/1", b""))
        peer.sent()
        if number not in in_use:
            peer.feed(puback(number))
    for expected in (1, 3, 4):
        peer.publish(Message("test/2", b""))
        assert numbers(peer.sent()) == [expected]


def test_what_was_withdrawn_is_not_sent(start: Start) -> None:
    peer = start(window=1)
    in_flight = peer.session.publish(Message("test/1", b""), "in flight")
    waiting = peer.session.publish(Message("test/2", b""), "waiting")
    peer.session.withdraw(waiting)
    peer.session.withdraw(in_flight)
    peer.broker.close()
    peer.session.read(1)
    peer.connect()
    peer.feed(connack(resumed=True) + suback(3))
    assert peer.session.outstanding == 0
    assert b"test/2" not in peer.sent()


def test_a_new_session_at_the_broker_gets_new_messages(start: Start) -> None:
    """Not duplicates: it knows nothing of the first."""
    peer = start()
    peer.publish(Message("test/1", b""))
    peer.broker.close()
    peer.session.read(1)
    peer.connect()
    peer.feed(connack() + suback(3))
    assert b"\x32\x0b\x00\x06test/1\x00\x04\x00" in peer.sent()


def test_first_goes_before_all_that_wait(start: Start) -> None:
    peer = start(window=1)
    for name in ("1", "2"):
        peer.publish(Message(f"test/{name}", b""))
    peer.session.publish(Message("test/0", b""), "0", first=True)
    peer.feed(puback(2))
    assert b"test/0" in peer.sent()


def test_what_is_published_on_an_acknowledgement_goes_after_all_that_wait(start: Start) -> None:
    peer = start(window=1)
    for name in ("1", "2"):
        peer.publish(Message(f"test/{name}", b""))
    peer.sent()
    peer.then = Message("test/3", b"")
    peer.feed(puback(2))
    assert b"test/2" in peer.sent()


def test_a_silent_broker_is_pinged_and_then_given_up(start: Start) -> None:
    peer = start()
    for second in range(1, 2 * KEEP_ALIVE_SECONDS + 2):
        peer.session.tick(second)
        peer.session.write()
    assert peer.sent().count(PINGREQ) >= 1
    assert peer.events[-1] == ("lost",)
    assert peer.loss.reason.startswith("has been silent for 3")


def test_an_answer_keeps_it(start: Start) -> None:
    peer = start()
    pings = 0
    for second in range(10 * KEEP_ALIVE_SECONDS):
        peer.session.tick(second)
        peer.session.write()
        if peer.sent() == PINGREQ:
            pings += 1
            peer.feed(PINGRESP)
    assert peer.session.ready
    assert 8 <= pings <= 11


def test_the_broker_may_set_the_keep_alive(start: Start) -> None:
    peer = start(login=connack(properties=b"\x13\x00\x02") + suback(1))
    peer.session.tick(0.5)
    peer.session.tick(2.5)
    peer.session.write()
    assert peer.sent() == PINGREQ


@pytest.mark.parametrize("login", [b"", connack()])
def test_a_broker_that_does_not_answer_the_login_is_given_up(start: Start, login: bytes) -> None:
    peer = start(login=login)
    peer.session.tick(0.5)
    peer.session.tick(0.5 + ANSWER_TIMEOUT_SECONDS)
    assert peer.events == [("lost",)]
    assert "did not answer the login" in peer.loss.reason


def test_the_end_is_a_goodbye_after_what_was_published(start: Start) -> None:
    peer = start()
    peer.session.publish(Message("test/1", b""), None)
    peer.session.end()
    assert peer.sent().endswith(DISCONNECT)
    assert not peer.session.connected
    peer.session.end()
    peer.session.drop()
    assert peer.events.count(("lost",)) == 1


def test_what_the_socket_does_not_take_waits(start: Start) -> None:
    peer = start()
    peer.publish(Message("test/1", b"x" * 3_000_000))
    assert peer.session.wants_write
    received = len(peer.sent())
    while peer.session.wants_write:
        peer.session.write()
        received += len(peer.sent())
    assert received > 3_000_000


def test_packets_that_are_not_read_yet_are_announced(start: Start) -> None:
    peer = start()
    peer.broker.sendall(arriving(1) + arriving(2) + arriving(3)[:5])
    peer.session.read(1)
    assert peer.session.holds_packet
    peer.session.read(1)
    assert not peer.session.holds_packet, "half a packet is nothing to do"


@given(
    first=st.sampled_from([0x20, 0x30, 0x32, 0x40, 0x50, 0x62, 0x70, 0x90, 0xB0, 0xC0, 0xD0, 0xE0]),
    body=st.binary(max_size=12),
    protocol=st.sampled_from(["mqtt5", "mqtt311"]),
)
def test_no_packet_raises(first: int, body: bytes, protocol: Protocol) -> None:
    with SessionPeer(protocol) as peer:
        peer.connect()
        peer.feed(packet(first, body))


def test_what_a_listener_for_tls_says_is_named(start: Start) -> None:
    peer = start(login=b"")
    peer.feed(bytes.fromhex("15030100020246"))
    assert peer.loss.reason.startswith("expects TLS on this port")
    assert "--mqtt-ca-file" in peer.loss.reason


def test_another_client_with_the_id_is_told_from_other_ends(start: Start) -> None:
    taken_over, ended = start(login=connack(), topics=()), start(login=connack(), topics=())
    taken_over.feed(b"\xe0\x02\x8e\x00")
    ended.feed(b"\xe0\x02\x8b\x00")
    assert (taken_over.loss.cause, ended.loss.cause) == ("taken over", "other")
