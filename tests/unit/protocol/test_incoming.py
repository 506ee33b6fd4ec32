"""From a message on a request topic to a request: IDs, reply topics, expiry, and what gets no reply."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_service.protocol.actions import CLIENT_ACTIONS
from cloud_service.protocol.envelope import Ignored
from cloud_service.protocol.incoming import MAX_REQUEST_BYTES, Incoming, receive
from cloud_service.protocol.messages import Message
from cloud_service.protocol.replies import succeeded
from cloud_service.protocol.requests import FindReservation, NewChargingStation

TOPIC = "recharge/v1/request/newChargingStation/ana"
REPLIES = "recharge/v1/reply/ana"
PLACE = {"x_position": 1, "y_position": 2}
ARRIVAL = 1_000_000.0


def got(
    values: dict[str, Any] | bytes = PLACE,
    correlation: bytes | None = None,
    response_topic: str | None = None,
    expiry: int | None = None,
    topic: str = TOPIC,
    *,
    retain: bool = False,
) -> Incoming:
    body = values if isinstance(values, bytes) else json.dumps(values).encode()
    message = Message(
        topic, body, retain=retain, correlation=correlation, response_topic=response_topic, expiry=expiry
    )
    return receive(message, ARRIVAL)


def code(incoming: Incoming) -> str | None:
    assert (incoming.error is None) == (incoming.request is not None)
    return None if incoming.error is None else incoming.error.code


class TestTopics:
    @pytest.mark.parametrize("action", CLIENT_ACTIONS)
    @pytest.mark.parametrize("client", ["a", "7", "A-b_9", "x" * 64])
    def test_names_the_action_and_the_client(self, action: str, client: str) -> None:
        incoming = got(b"{}", topic=f"recharge/v1/request/{action}/{client}")
        assert (incoming.action.name, incoming.client) == (action, client)
        assert incoming.envelope.reply_to == f"recharge/v1/reply/{client}"

    @pytest.mark.parametrize(
        "topic",
        [
            "recharge/v1/request/newChargingStation",
            "recharge/v1/request/newChargingStation/",
            "recharge/v1/request/newChargingStation/a b",
            "recharge/v1/request/newChargingStation/é",
            "recharge/v1/request/newChargingStation/ana\n",
            "recharge/v1/request/newChargingStation/ana/x",
            "recharge/v1/request/newChargingStation/" + "x" * 65,
            "recharge/v1/request/NewChargingStation/ana",
            "recharge/v1/request/unknown/ana",
            "recharge/v2/request/newChargingStation/ana",
            "/recharge/v1/request/newChargingStation/ana",
        ],
    )
    def test_other_topics_are_ignored(self, topic: str) -> None:
        with pytest.raises(Ignored):
            got(topic=topic)

    def test_a_retained_request_is_ignored(self) -> None:
        with pytest.raises(Ignored, match="retained"):
            got(retain=True)


class TestIDs:
    """`request_id` is what the reply repeats, `identity` what the request is remembered by."""

    def test_none(self) -> None:
        incoming = got()
        assert (incoming.envelope.request_id, incoming.identity, incoming.correlation) == (None, None, None)
        assert got({**PLACE, "requestID": None}).identity is None

    @pytest.mark.parametrize("text", ["a", "7", " ", "é" * 32, "x" * 64, "\n", "🚗" * 16, "\0"])
    def test_body_and_property_are_the_same_id(self, text: str) -> None:
        in_body = got({**PLACE, "requestID": text})
        in_property = got(correlation=text.encode())
        in_both = got({**PLACE, "requestID": text}, correlation=text.encode())
        assert (
            in_body.envelope.request_id
            == in_property.envelope.request_id
            == in_both.envelope.request_id
            == text
        )
        assert in_body.identity == in_property.identity == in_both.identity is not None
        assert in_both.error is None
        assert in_property.correlation == text.encode()
        assert in_body.correlation is None

    @pytest.mark.parametrize("value", ["", "x" * 65, "é" * 33, 5, True, [], {}, 1.5])
    def test_what_is_no_id(self, value: object) -> None:
        incoming = got({**PLACE, "requestID": value})
        assert code(incoming) == "BAD_REQUEST"
        assert "requestID" in (incoming.error.message if incoming.error else "")
        assert incoming.envelope.request_id is None

    @pytest.mark.parametrize(
        "data", [b"\xff\xfe", b"x" * 65, b"\xed\xa0\x80", bytes(range(256)), b"y" * 60_000]
    )
    def test_bytes_that_are_no_text_identify_as_bytes(self, data: bytes) -> None:
        incoming = got(correlation=data)
        assert incoming.envelope.request_id is None
        assert incoming.correlation == data
        assert incoming.identity is not None
        assert incoming.error is None
        others = {got(correlation=other).identity for other in (data + b"\xff", data[1:], b"\xff", b"x" * 64)}
        assert incoming.identity not in others

    def test_bytes_never_meet_a_text(self) -> None:
        as_bytes = got(correlation=b"\xff").identity
        assert as_bytes is not None
        assert as_bytes != got({**PLACE, "requestID": as_bytes}).identity

    @pytest.mark.parametrize("correlation", [b"b", b"A", b"a ", b"\xff", b"x" * 65])
    def test_two_that_differ(self, correlation: bytes) -> None:
        incoming = got({**PLACE, "requestID": "a", "replyTo": REPLIES + "/x"}, correlation)
        assert code(incoming) == "BAD_REQUEST"
        assert incoming.envelope.reply_to == REPLIES
        assert incoming.correlation == correlation

    @given(st.binary(min_size=1, max_size=80), st.binary(min_size=1, max_size=80))
    def test_different_bytes_are_different_ids(self, one: bytes, other: bytes) -> None:
        assert (got(correlation=one).identity == got(correlation=other).identity) == (one == other)


class TestReplyTopics:
    @pytest.mark.parametrize("topic", [REPLIES, REPLIES + "/", REPLIES + "/a/b", REPLIES + "/é b/$x"])
    def test_ones_own(self, topic: str) -> None:
        assert got({**PLACE, "replyTo": topic}).envelope.reply_to == topic
        assert got(response_topic=topic).envelope.reply_to == topic
        assert got({**PLACE, "replyTo": topic}, response_topic=topic).envelope.reply_to == topic

    @pytest.mark.parametrize(
        "topic",
        [
            "",
            "recharge/v1/reply/anna",
            "recharge/v1/reply/bia",
            "recharge/v1/reply/",
            "recharge/v1/reply/ana2/x",
            "recharge/v1/state/station/1",
            "recharge/v1/reply/ana/#",
            "recharge/v1/reply/ana/+/a",
            "recharge/v1/reply/ana/a\0",
            "recharge/v1/reply/ana\n",
            "#",
            " recharge/v1/reply/ana",
            "recharge/v1/reply/ana/" + "x" * 65_535,
        ],
    )
    def test_any_other_gets_no_reply(self, topic: str) -> None:
        for values, response_topic in (
            ({**PLACE, "replyTo": topic}, None),
            (PLACE, topic),
            ({**PLACE, "replyTo": REPLIES}, topic),
            ({**PLACE, "replyTo": topic}, REPLIES),
            ({"replyTo": topic}, None),
        ):
            with pytest.raises(Ignored, match="reply topic"):
                got(values, response_topic=response_topic)

    def test_two_that_differ(self) -> None:
        incoming = got({**PLACE, "replyTo": REPLIES + "/a"}, response_topic=REPLIES + "/b")
        assert code(incoming) == "BAD_REQUEST"
        assert incoming.envelope.reply_to == REPLIES

    @pytest.mark.parametrize("value", [5, True, [REPLIES], {}])
    def test_what_is_no_topic(self, value: object) -> None:
        incoming = got({**PLACE, "replyTo": value})
        assert code(incoming) == "BAD_REQUEST"
        assert incoming.envelope.reply_to == REPLIES

    def test_a_bad_body_is_answered_at_the_response_topic(self) -> None:
        incoming = got(b"no JSON", b"1", REPLIES + "/a")
        assert code(incoming) == "BAD_REQUEST"
        assert (incoming.envelope.reply_to, incoming.envelope.request_id, incoming.correlation) == (
            REPLIES + "/a",
            "1",
            b"1",
        )


class TestExpiry:
    def test_none(self) -> None:
        assert got().envelope.expires_at is None
        assert not got().expired(1e18)

    @pytest.mark.parametrize(
        ("milliseconds", "interval", "expires_at"),
        [
            (1_000_005_000, None, 1_000_005.0),
            (1_000_005_000.5, None, 1_000_005.0005),
            (None, 7, 1_000_007.0),
            (1_000_005_000, 7, 1_000_005.0),
            (1_000_009_000, 7, 1_000_007.0),
            (0, None, 0.0),
        ],
    )
    def test_the_earlier_counts(
        self, milliseconds: float | None, interval: int | None, expires_at: float
    ) -> None:
        incoming = got({**PLACE, "expiresAt": milliseconds}, expiry=interval)
        assert incoming.envelope.expires_at == expires_at
        assert incoming.expired(expires_at)
        assert not incoming.expired(expires_at - 0.001)

    @pytest.mark.parametrize("value", [-5, -(10**400), -1e308])
    def test_long_ago(self, value: float) -> None:
        assert got({**PLACE, "expiresAt": value}).expired(ARRIVAL)

    @pytest.mark.parametrize("value", [10**16, 10**400, 1.7e308])
    def test_never(self, value: float) -> None:
        assert not got({**PLACE, "expiresAt": value}).expired(ARRIVAL * 1000)

    @pytest.mark.parametrize("value", ["1000005000", "", True, [], {}])
    def test_what_is_no_time(self, value: object) -> None:
        assert code(got({**PLACE, "expiresAt": value})) == "BAD_REQUEST"

    def test_a_bad_request_expires_too(self) -> None:
        assert got({"expiresAt": 5}).expired(ARRIVAL)
        assert got(b"no JSON", expiry=1).expired(ARRIVAL + 1)


class TestBodies:
    def test_a_good_one(self) -> None:
        assert got({**PLACE, "more": [1, {}]}).request == NewChargingStation(1, 2)
        assert got(b"{}", topic="recharge/v1/request/findReservation/ana").request == FindReservation()

    @pytest.mark.parametrize(
        "body", [b"", b"[]", b"{}", b'{"x_position": 1}', b'{"x_position": 1, "x_position": 1}']
    )
    def test_bad_ones(self, body: bytes) -> None:
        assert code(got(body)) == "BAD_REQUEST"

    @pytest.mark.parametrize(
        ("size", "expected"), [(MAX_REQUEST_BYTES, None), (MAX_REQUEST_BYTES + 1, "TOO_LARGE")]
    )
    def test_size(self, size: int, expected: str | None) -> None:
        assert MAX_REQUEST_BYTES == 64 * 1024
        values = {**PLACE, "requestID": "a", "replyTo": REPLIES + "/b", "more": ""}
        values["more"] = "x" * (size - len(json.dumps(values)))
        incoming = got(values)
        assert code(incoming) == expected
        assert (incoming.envelope.request_id, incoming.envelope.reply_to) == ("a", REPLIES + "/b")

    def test_size_of_what_is_no_json(self) -> None:
        assert code(got(b"x" * (MAX_REQUEST_BYTES + 1))) == "TOO_LARGE"


class TestSameRequests:
    """By its fingerprint the service tells a further delivery from another request."""

    def test_what_surrounds_it_does_not_count(self) -> None:
        plain = got().fingerprint()
        for other in (
            got({**PLACE, "requestID": "a"}),
            got(correlation=b"a"),
            got({"more": 1, **PLACE, "replyTo": REPLIES, "expiresAt": 10**13}),
            got(response_topic=REPLIES + "/a", expiry=5),
            got(b'{"y_position":2.0 ,\n "x_position":1e0}'),
        ):
            assert other.fingerprint() == plain
        assert got({**PLACE, "y_position": 3}).fingerprint() != plain

    def test_a_request_without_any_key_is_the_same_however_it_is_written(self) -> None:
        topic = "recharge/v1/request/deleteReservation/ana"
        bodies = [b"{}", b" { } ", b'{"requestID": "a"}', b'{"more": 1}']
        assert len({got(body, topic=topic).fingerprint() for body in bodies}) == 1

    def test_bodies_that_are_no_json_are_the_same_where_their_bytes_are(self) -> None:
        assert got(b"a").fingerprint() == got(b"a", b"1", REPLIES + "/x").fingerprint()
        assert got(b"a").fingerprint() != got(b"b").fingerprint()
        assert got(b"[]").fingerprint() != got(b"{}").fingerprint()

    def test_large_ones_too(self) -> None:
        one = {**PLACE, "more": "x" * MAX_REQUEST_BYTES}
        assert got(one).fingerprint() == got({**one, "requestID": "a"}).fingerprint()


def test_the_reply_goes_where_it_was_asked_for() -> None:
    incoming = got({**PLACE, "requestID": "a"}, b"a", REPLIES + "/x")
    reply = incoming.reply(succeeded(5))
    assert reply == Message(
        REPLIES + "/x", b'{"requestID":"a","ok":true,"result":5}', correlation=b"a", status="ok"
    )
    assert not reply.retain
    assert reply.qos == 1


@given(
    st.one_of(
        st.binary(max_size=40),
        st.dictionaries(
            st.sampled_from(["x_position", "y_position", "requestID", "replyTo", "expiresAt"]),
            st.none()
            | st.booleans()
            | st.integers()
            | st.floats(allow_nan=False, allow_infinity=False)
            | st.text(),
        ),
    ),
    st.none() | st.binary(max_size=70),
    st.none() | st.text(max_size=40) | st.just(REPLIES),
    st.none() | st.integers(0, 2**32 - 1),
)
def test_whatever_comes_is_a_request_an_error_or_ignored(
    values: Any, correlation: bytes | None, response_topic: str | None, expiry: int | None
) -> None:
    body = values if isinstance(values, bytes) else json.dumps(values).encode()
    try:
        incoming = got(body, correlation, response_topic, expiry)
    except Ignored:
        return
    assert code(incoming) in (None, "BAD_REQUEST")
    assert incoming.envelope.reply_to.startswith(REPLIES)
    assert json.loads(incoming.reply(succeeded(1)).payload)["requestID"] == incoming.envelope.request_id
