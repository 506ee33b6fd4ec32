"""Requests are found in a stream of bytes however it is cut, and what cannot be one is refused."""

import json
import time
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cloud_service.gateway.framing import MAX_BYTES, MAX_DEPTH, Framer
from cloud_service.protocol.jsontext import Unreadable, decode_object

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=12)
)
TEXTS = st.text(st.characters(codec="utf-8"), max_size=8)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
SPACE = st.text(" \t\r\n", max_size=3).map(str.encode)


@st.composite
def objects(draw: st.DrawFn) -> bytes:
    """Generates JSON objects in the styles of different clients."""
    value = draw(st.dictionaries(TEXTS, VALUES, max_size=4))
    separators = draw(st.sampled_from([None, (",", ":"), (" ,\t", "\r\n: ")]))
    return json.dumps(
        value,
        indent=draw(st.sampled_from([None, 0, 4, "\t"])),
        ensure_ascii=draw(st.booleans()),
        separators=separators,
    ).encode()


def frame(*pieces: bytes) -> list[bytes]:
    """Returns all objects of a stream that arrives in these pieces."""
    found, reason = frame_until_refused(*pieces)
    if reason is not None:
        raise reason
    return found


def frame_until_refused(*pieces: bytes) -> tuple[list[bytes], Unreadable | None]:
    """As frame(), but also returns why the rest was refused, if it was."""
    framer = Framer()
    found: list[bytes] = []
    try:
        for piece in pieces:
            framer.feed(piece)
            while (body := framer.take()) is not None:
                found.append(body)
    except Unreadable as reason:
        return found, reason
    return found, None


def refuse(constant: str) -> Any:
    raise ValueError(constant)


RAW_DECODE = json.JSONDecoder(parse_constant=refuse).raw_decode


def object_at_start(stream: bytes) -> bytes | None:
    """Returns the JSON object with which the stream begins, as the standard library sees it."""
    text = stream.decode(errors="surrogateescape")
    try:
        value, end = RAW_DECODE(text)
        body = text[:end].encode()
    except ValueError:
        return None
    return body if isinstance(value, dict) else None


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(stream) + 1) for place in places), len(stream)]
    return [stream[start:end] for start, end in pairwise(edges)]


@given(st.lists(st.tuples(objects(), SPACE), max_size=4), SPACE, st.lists(st.integers(0, 2000), max_size=8))
def test_any_cut_of_any_sequence_gives_the_same_objects(
    sequence: list[tuple[bytes, bytes]], before: bytes, places: list[int]
) -> None:
    stream = before + b"".join(body + space for body, space in sequence)
    assert frame(*cut(stream, places)) == [body for body, _ in sequence]


@given(objects())
@example(b'{"a": "\xf0\x9f\x94\x8c \\ud83d\\udd0c", "b": -0.5e+10, "c": [true, false, null]}')
def test_byte_by_byte_no_prefix_is_refused_and_only_the_last_byte_completes(body: bytes) -> None:
    framer = Framer()
    for position in range(len(body) - 1):
        framer.feed(body[position : position + 1])
        assert framer.take() is None
        assert framer.begun
    framer.feed(body[-1:])
    assert framer.take() == body
    assert not framer.begun


WHITE_SPACE = b" \t\r\n"
TOKENS = [
    b"{",
    b"}",
    b"[",
    b"]",
    b'"',
    b"\\",
    b"a",
    b":",
    b",",
    b"1",
    b"-",
    b".",
    b"e",
    b" ",
    b"true",
    b"\xc3\xa9",
]
PLACES = st.lists(st.integers(0, 2000), max_size=8)


def check_against_the_standard_library(stream: bytes, places: list[int]) -> None:
    """Each object ends where raw_decode says. What raw_decode refuses, our decoder refuses."""
    found, reason = frame_until_refused(*cut(stream, places))
    rest = stream.lstrip(WHITE_SPACE)
    for body in found:
        expected = object_at_start(rest)
        if expected is None:
            with pytest.raises(Unreadable):
                decode_object(body)
            return
        assert body == expected
        rest = rest[len(body) :].lstrip(WHITE_SPACE)
    assert object_at_start(rest) is None
    if not rest:
        assert reason is None


@given(st.lists(objects(), min_size=1, max_size=3).map(b" ".join), st.data(), PLACES)
def test_it_agrees_with_raw_decode_on_damaged_objects(
    stream: bytes, data: st.DataObject, places: list[int]
) -> None:
    place = data.draw(st.integers(0, len(stream)))
    removed = data.draw(st.integers(0, 2))
    added = data.draw(st.binary(max_size=2) | st.sampled_from(TOKENS))
    check_against_the_standard_library(stream[:place] + added + stream[place + removed :], places)


@given(st.lists(st.sampled_from(TOKENS)).map(b"".join), PLACES)
def test_it_agrees_with_raw_decode_on_random_tokens(stream: bytes, places: list[int]) -> None:
    check_against_the_standard_library(stream, places)


@given(st.lists(st.sampled_from(TOKENS)).map(b"".join) | st.binary(), PLACES)
def test_cuts_change_neither_the_objects_nor_the_reason_for_a_refusal(
    stream: bytes, places: list[int]
) -> None:
    whole, pieces = frame_until_refused(b"{" + stream), frame_until_refused(b"{", *cut(stream, places))
    assert pieces[0] == whole[0]
    assert str(pieces[1]) == str(whole[1])


@pytest.mark.parametrize(
    ("text", "position"),
    [
        (b"[", 0),
        (b'"', 0),
        (b"\xef\xbb\xbf{", 0),
        (b"GET / HTTP/1.1", 0),
        (b"\x00", 0),
        (b"{\x00", 1),
        (b"{'a'", 1),
        (b"{key", 1),
        (b'{"a":[1}', 7),
        (b'{"a":{]', 6),
        (b'{"a":1]', 6),
        (b'{"a":NaN', 5),
        (b'{"a":Infinity', 5),
        (b'{"a":trUe', 7),
        (b'{"a":/', 5),
        (b'{"a":\xff', 5),
        (b'{"a":"\n', 6),
        (b'{"a":"\x00', 6),
        (b'{"a":"\\\n', 7),
        (b'{"a":1}x', 7),
        (b'{"a":1},', 7),
        (b'{"a":1}}', 7),
    ],
)
def test_a_byte_that_no_object_has_in_its_place_is_refused_at_once(text: bytes, position: int) -> None:
    framer = Framer()
    framer.feed(text[:position])
    while framer.take() is not None:
        pass
    framer.feed(text[position : position + 1])
    with pytest.raises(Unreadable):
        framer.take()


@pytest.mark.parametrize(
    "text",
    [
        b"{,}",
        b"{true}",
        b'{"a" 1}',
        b'{"a":}',
        b'{"a":1,}',
        b'{"a":[1,]}',
        b'{"a":01}',
        b'{"a":+1}',
        b'{"a":.5}',
        b'{"a":1 2}',
        b'{"a":nul}',
        b'{"a":"\\x"}',
        b'{"a":"\\u12g4"}',
        b'{"a":"\xff"}',
        b'{"a":"\xc3("}',
        b'{"a":"\xed\xa0\x80"}',
    ],
)
def test_other_malformed_json_is_refused_by_its_decoder_when_it_ends(text: bytes) -> None:
    assert frame(text) == [text]
    with pytest.raises(Unreadable):
        decode_object(text)


@pytest.mark.parametrize("piece_size", [1, 1000, 1_000_000])
def test_an_object_before_garbage_is_found(piece_size: int) -> None:
    stream = b' {"a": 1}\n{} oops'
    pieces = (stream[start : start + piece_size] for start in range(0, len(stream), piece_size))
    found, reason = frame_until_refused(*pieces)
    assert found == [b'{"a": 1}', b"{}"]
    assert str(reason) == "b'o' at byte 0 cannot be part of a JSON object"


def object_of(size: int) -> bytes:
    return b'{"a":"' + b"x" * (size - 8) + b'"}'


@pytest.mark.parametrize("piece_size", [1, 4096, 1_000_000])
def test_the_largest_object_is_taken_and_one_byte_more_is_not(piece_size: int) -> None:
    def feed(body: bytes) -> list[bytes]:
        return frame(*(body[start : start + piece_size] for start in range(0, len(body), piece_size)))

    assert feed(object_of(MAX_BYTES)) == [object_of(MAX_BYTES)]
    with pytest.raises(Unreadable, match="larger"):
        feed(object_of(MAX_BYTES + 1))
    with pytest.raises(Unreadable, match="larger"):
        feed(b"{" + b" " * MAX_BYTES)


def test_the_limit_is_for_an_object_and_not_for_the_stream() -> None:
    half = object_of(40_000)
    assert frame(half + b" " * 100_000 + half + half) == [half] * 3


def test_white_space_between_requests_is_ignored() -> None:
    framer = Framer()
    for _ in range(100):
        framer.feed(b" \r\n\t" * 10_000)
        assert framer.take() is None
        assert not framer.begun
    framer.feed(b"{")
    assert framer.take() is None
    assert framer.begun


@pytest.mark.parametrize(("opening", "closing"), [(b'{"a":', b"}"), (b"[", b"]")])
def test_the_deepest_object_is_taken_and_one_level_more_is_refused_as_it_opens(
    opening: bytes, closing: bytes
) -> None:
    levels = MAX_DEPTH - 1
    deepest = b'{"a":' + opening * levels + b"1" + closing * levels + b"}"
    assert frame(deepest) == [deepest]
    with pytest.raises(Unreadable, match="deeper"):
        frame(b'{"a":' + opening * MAX_DEPTH)


@pytest.mark.parametrize(
    "make",
    [
        lambda size: b'{"a":"' + b"x" * size,
        lambda size: b'{"' + "ação".encode() * (size // 6),
        lambda size: b'{"a":"' + b"\\u00e9" * (size // 6),
        lambda size: b'{"a":1' + b"0" * size,
        lambda size: b'{"a":0.' + b"0" * size,
        lambda size: b"{" + b" " * size,
        lambda size: b'{"a":[' + b"1," * (size // 2),
        lambda size: b'{"a":[' + b'"",' * (size // 3),
        lambda size: b'{"a":[' + b"[]," * (size // 3),
        lambda size: b'{"a":"' + b"\\\\" * (size // 2),
    ],
    ids=[
        "string",
        "utf-8",
        "escapes",
        "digits",
        "fraction",
        "space",
        "items",
        "strings",
        "brackets",
        "backslashes",
    ],
)
def test_the_time_is_linear_in_the_bytes_even_one_at_a_time(make: Any) -> None:
    def seconds(size: int) -> float:
        stream = make(size)
        begun = time.process_time()
        frame(*(stream[start : start + 1] for start in range(len(stream))))
        return time.process_time() - begun

    # Eight times the bytes take eight times as long if the time is linear, and 64 times if it is quadratic.
    few, many = (min(seconds(size) for _ in range(3)) for size in (8_000, 64_000))
    assert many < 24 * few
