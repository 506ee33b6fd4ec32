"""A session sends the bytes that paho-mqtt's own client sends, and reacts to packets as that client does."""

from collections.abc import Iterator

import pytest

from cloud_service.mqtt.version import Protocol
from cloud_service.protocol.messages import Message
from tests.kit.mqtt_bytes import packet, text
from tests.kit.mqtt_peers import PahoPeer, SessionPeer

ACCEPTED = {"mqtt5": b"\x20\x03\x00\x00\x00", "mqtt311": b"\x20\x02\x00\x00"}
RESUMED = {"mqtt5": b"\x20\x03\x01\x00\x00", "mqtt311": b"\x20\x02\x01\x00"}
REFUSED = {"mqtt5": b"\x20\x03\x00\x87\x00", "mqtt311": b"\x20\x02\x00\x05"}
BOTH = pytest.mark.parametrize("protocol", ["mqtt5", "mqtt311"])

MESSAGES = [
    Message("test/a", b"{}"),
    Message("test/ção", b"", retain=True),
    Message("test/b", b"", correlation=b"\x00\xff"),
    Message("test/c", b"", response_topic="test/reply"),
    Message("test/d", b"", expiry=2**32 - 1),
    Message("test/e", b"", status="NOT_FOUND"),
    Message("test/f", b"x" * 200),
    Message("test/g", b"y" * 20_000, qos=0),
    Message("test/" + "h" * 200, b"z" * 3_000_000),
]
"""With one property each: the order of several has no meaning."""


def suback(protocol: Protocol, number: int, codes: bytes = b"\x01\x01") -> bytes:
    return packet(0x90, number.to_bytes(2, "big") + (b"\x00" if protocol == "mqtt5" else b"") + codes)


def puback(number: int, rest: bytes = b"") -> bytes:
    return packet(0x40, number.to_bytes(2, "big") + rest)


def publish(protocol: Protocol, topic: str, payload: bytes, first: int = 0x32, number: int = 7) -> bytes:
    numbered = number.to_bytes(2, "big") if first & 6 else b""
    return packet(first, text(topic) + numbered + (b"\x00" if protocol == "mqtt5" else b"") + payload)


class Pair:
    """Both clients, which have to do the same."""

    def __init__(self, ours: SessionPeer, paho: PahoPeer) -> None:
        self.ours = ours
        self.paho = paho

    def connect(self) -> None:
        self.ours.connect()
        self.paho.connect()

    def feed(self, data: bytes) -> None:
        self.ours.feed(data)
        self.paho.feed(data)

    def publish(self, message: Message) -> None:
        self.ours.publish(message)
        self.paho.publish(message)

    def agree(self) -> bytes:
        """Asserts that both did and sent the same, and returns what they sent."""
        sent = self.ours.sent()
        assert sent == self.paho.sent()
        assert self.ours.events == self.paho.events
        return sent


@pytest.fixture
def pair(protocol: Protocol) -> Iterator[Pair]:
    with SessionPeer(protocol) as ours, PahoPeer(protocol) as paho:
        pair = Pair(ours, paho)
        pair.connect()
        yield pair


@pytest.fixture
def ready(pair: Pair, protocol: Protocol) -> Pair:
    """Both are connected and subscribed; the next packet number is 2."""
    pair.feed(ACCEPTED[protocol])
    pair.feed(suback(protocol, 1))
    pair.agree()
    return pair


@BOTH
def test_login_and_subscribe(pair: Pair, protocol: Protocol) -> None:
    assert pair.agree()[0] == 0x10
    pair.feed(ACCEPTED[protocol])
    assert pair.agree()[0] == 0x82
    pair.feed(suback(protocol, 1))
    assert pair.agree() == b""
    assert pair.ours.events == [("ready",)]


@BOTH
def test_a_refused_login_is_the_end(pair: Pair, protocol: Protocol) -> None:
    pair.feed(REFUSED[protocol])
    pair.agree()
    assert pair.ours.events == [("lost",)]
    assert pair.ours.loss.cause == "refused"
    assert "refused the login: Not authorized" in pair.ours.loss.reason


@BOTH
@pytest.mark.parametrize("message", MESSAGES, ids=lambda message: message.topic[:10])
def test_a_message_has_the_same_bytes(protocol: Protocol, ready: Pair, message: Message) -> None:
    ready.publish(message)
    sent = [b"", b""]
    while pieces := [ready.ours.sent(), ready.paho.sent()]:
        if not any(pieces):
            break
        sent = [before + piece for before, piece in zip(sent, pieces, strict=True)]
        ready.feed(b"")
    assert sent[0] == sent[1]
    assert len(sent[0]) > len(message.payload)


@pytest.mark.parametrize("protocol", ["mqtt5"])
def test_acknowledgements_of_any_kind(ready: Pair) -> None:
    for message in ("2", "3", "4", "5", "6"):
        ready.publish(Message(f"test/{message}", b"{}"))
    reason = text("full up")
    for data in (
        puback(3),
        puback(2, b"\x10"),
        puback(99),
        puback(4, b"\x87\x00"),
        puback(5, b"\x97" + bytes((1 + len(reason),)) + b"\x1f" + reason),
        puback(3),
    ):
        ready.feed(data)
        ready.agree()
    assert ready.ours.events[1:] == [
        ("published", "test/3", True),
        ("published", "test/2", True),
        ("published", "test/4", False),
        ("published", "test/5", False),
    ]


@BOTH
def test_messages_of_any_kind(ready: Pair, protocol: Protocol) -> None:
    for first, number in ((0x30, 0), (0x31, 0), (0x32, 7), (0x33, 8), (0x3A, 7), (0x32, 65_535)):
        ready.feed(publish(protocol, "test/one", b"{}", first, number))
        ready.agree()
    ready.feed(b"".join(publish(protocol, "test/one", b"{}", 0x32, number) for number in (7, 8)))
    assert ready.agree() == puback(7) + puback(8)
    assert len(ready.ours.events) == 9


@BOTH
def test_a_resumed_session_sends_again(ready: Pair, protocol: Protocol) -> None:
    for topic in ("test/2", "test/3", "test/4"):
        ready.publish(Message(topic, b"{}"))
    ready.feed(puback(3))
    ready.agree()
    for peer in (ready.ours, ready.paho):
        peer.broker.close()
    ready.ours.session.read(1)
    ready.connect()
    ready.feed(RESUMED[protocol] + suback(protocol, 5))
    sent = ready.ours.sent()
    assert sent == ready.paho.sent()
    assert sent.count(b"\x3a") >= 2, "both are marked as duplicates"


@pytest.mark.parametrize("protocol", ["mqtt5"])
def test_the_brokers_goodbye(ready: Pair) -> None:
    ready.feed(b"\xe0\x02\x8e\x00")
    ready.agree()
    assert ready.ours.events[-1] == ("lost",)
    assert ready.ours.loss.reason == "ended the connection: Session taken over"


@BOTH
@pytest.mark.parametrize(
    "data",
    [
        b"\xf0\x00",
        b"\x00\x00",
        b"\x40\x00",
        b"\x40\x01\x00",
        b"\x90\x00",
        b"\x30\x00",
        b"\x32\x02\x00\x09",
        b"\x20\x00",
        b"\x40\xff\xff\xff\xff\x01",
        b"\xd0\x01\x00",
    ],
)
def test_what_is_not_mqtt_ends_the_connection(ready: Pair, data: bytes) -> None:
    ready.feed(data)
    assert ready.ours.events == [("ready",), ("lost",)]
    assert ready.paho.events == [("ready",), ("lost",)]


@BOTH
def test_packets_come_in_pieces_of_any_size(ready: Pair, protocol: Protocol) -> None:
    ready.publish(Message("test/2", b"{}"))
    data = puback(2) + publish(protocol, "test/one", b"x" * 300) + publish(protocol, "test/one", b"")
    for byte in data:
        ready.feed(bytes((byte,)))
    ready.agree()
    assert [event[0] for event in ready.ours.events] == ["ready", "published", "message", "message"]
