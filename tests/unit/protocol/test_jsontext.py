"""Bodies from strangers: unambiguous JSON objects are read, and everything else is refused."""

import json
import math
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cloud_service.protocol.errors import BadRequest
from cloud_service.protocol.jsontext import Unreadable, decode_object

GOOD = {
    b"{}": {},
    b' \t\r\n{ "a" : 1 } \n': {"a": 1},
    b'{"a": 30, "b": 30.0, "c": -0, "d": 1e2}': {"a": 30, "b": 30.0, "c": 0, "d": 100.0},
    b'{"a": {"a": {"a": 1}}, "b": [{"a": 1}, {"a": 2}]}': {"a": {"a": {"a": 1}}, "b": [{"a": 1}, {"a": 2}]},
    b'{"a": "\\": 1, \\"a\\":"}': {"a": '": 1, "a":'},
    '{"a": "Zé \U0001f697", "é": "\\ud83d\\ude97"}'.encode(): {"a": "Zé 🚗", "é": "🚗"},
    b'{"a": "\\u0000"}': {"a": "\0"},
    b'{"": null, "a": true}': {"": None, "a": True},
}

BAD = {
    "nothing": b"",
    "white space": b"  ",
    "a text": b'"a"',
    "a number": b"1",
    "null": b"null",
    "an array": b'[{"a": 1}]',
    "cut": b'{"a": 1',
    "more behind": b'{"a": 1} {"a": 1}',
    "a comma too many": b'{"a": 1,}',
    "single quotes": b"{'a': 1}",
    "a comment": b'{"a": 1 /* one */}',
    "no quotes": b"{a: 1}",
    "NaN": b'{"a": NaN}',
    "Infinity": b'{"a": -Infinity}',
    "overflow": b'{"a": 1e999}',
    "overflow, negative and deep inside": b'{"a": [{"b": -1E400}]}',
    "a leading zero": b'{"a": 01}',
    "a leading plus": b'{"a": +1}',
    "half a fraction": b'{"a": 1.}',
    "hexadecimal": b'{"a": 0x10}',
    "more digits than Python takes": b'{"a": ' + b"1" * 5000 + b"}",
    "a lone high surrogate": b'{"a": "\\ud800"}',
    "a lone low surrogate": b'{"a": "\\udc00 "}',
    "a surrogate encoded as UTF-8": b'{"a": "\xed\xa0\x80"}',
    "overlong UTF-8": b'{"a": "\xc0\xaf"}',
    "Latin-1": b'{"a": "\xe9"}',
    "a key in Latin-1": b'{"\xe9": 1}',
    "UTF-16": '{"a": 1}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"a": 1}',
    "a control character in a text": b'{"a": "\n"}',
    "a NUL behind": b'{"a": 1}\0',
}


JSON_ALL_THE_SAME = {
    "overflow",
    "overflow, negative and deep inside",
    "more digits than Python takes",
    "a lone high surrogate",
    "a lone low surrogate",
}
"""Bodies that the grammar of JSON allows, with values that are refused."""


@pytest.mark.parametrize(("body", "value"), GOOD.items(), ids=range(len(GOOD)))
def test_good_bodies(body: bytes, value: dict[str, Any]) -> None:
    decoded = decode_object(body)
    assert repr(decoded) == repr(value)


@pytest.mark.parametrize("name", BAD)
def test_bad_bodies(name: str) -> None:
    with pytest.raises(BadRequest) as caught:
        decode_object(BAD[name])
    assert isinstance(caught.value, Unreadable) == (name not in JSON_ALL_THE_SAME)


@pytest.mark.parametrize(
    "body",
    [
        b'{"a": 1, "a": 1}',
        b'{"a": 1, "b": 2, "a": 3}',
        b'{"a": 1, "\\u0061": 2}',
        b'{"x": {"a": 1, "a": 2}}',
        b'{"x": [[{"b": [{"a": 1, "a"\n: 2}]}]]}',
        b'{"": 1, "": 2}',
        '{"é": 1, "\\u00e9": 2}'.encode(),
        b'{"x": "\\": ", "a": 1, "a": 1}',
    ],
)
def test_a_key_that_appears_twice(body: bytes) -> None:
    with pytest.raises(BadRequest, match="twice"):
        decode_object(body)


@pytest.mark.parametrize("depth", [33, 200, 900, 990, 1_000, 1_010, 1_100, 30_000, 1_000_000])
@pytest.mark.parametrize(
    "brackets", [(b"[", b"]"), (b'{"a":', b"}"), (b'[{"a":', b"}]")], ids=["arrays", "objects", "both"]
)
def test_deep_nesting_does_no_harm(depth: int, brackets: tuple[bytes, bytes]) -> None:
    opening, closing = brackets
    for body in (
        b'{"a":' + opening * depth + b"1" + closing * depth + b"}",
        b'{"a":' + opening * depth,
        b'{"b":1,"a":' + opening * depth + b'{"c":1,"c":1}' + closing * depth + b"}",
    ):
        with suppress(BadRequest):
            assert isinstance(decode_object(body), dict)


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30) | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=5), values, max_size=5), st.booleans())
@example({"a:": '":'}, True)
def test_what_any_encoder_writes_is_read(value: dict[str, Any], ascii_only: bool) -> None:
    try:
        body = json.dumps(value, ensure_ascii=ascii_only, allow_nan=False).encode()
    except (ValueError, UnicodeEncodeError):
        return  # infinity or a lone surrogate
    decoded = decode_object(body)
    assert decoded == value


@given(st.binary(max_size=60) | st.text(alphabet='{}[]":,\\u0d8ae1-. \n', max_size=40).map(str.encode))
def test_anything_is_an_object_or_refused(body: bytes) -> None:
    try:
        decoded = decode_object(body)
    except BadRequest:
        return
    assert decoded == json.loads(body)
    assert not _has_infinity(decoded)


def _has_infinity(value: Any) -> bool:
    if isinstance(value, dict | list):
        return any(map(_has_infinity, value.values() if isinstance(value, dict) else value))
    return isinstance(value, float) and not math.isfinite(value)
