"""Strict JSON: ambiguous JSON is rejected, such as an object with the same key twice."""

import json
import re
from typing import Any, NoReturn

import msgspec

from cloud_service.protocol.errors import BadRequest

_KEY = re.compile(rb'"\s*:')
_decode = msgspec.json.Decoder(strict=True).decode


class Unreadable(BadRequest):
    """The bytes are not a JSON object."""


def decode_object(body: bytes) -> dict[str, Any]:
    """Returns the JSON object that these bytes are.

    Raises Unreadable if they are not JSON or not an object, and BadRequest if they are an object but have
    a key twice, a number that overflows, or a lone surrogate.
    """
    try:
        value = _decode(body)
    except RecursionError:
        raise BadRequest("the body is nested too deeply") from None
    except (msgspec.MsgspecError, ValueError) as error:
        kind = BadRequest if _is_json_object(body) else Unreadable
        raise kind(f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise Unreadable("the body is not a JSON object")
    # Each key is followed by a colon, so as many of these as keys mean that no key appears twice.
    if len(_KEY.findall(body)) != len(value):
        _refuse_duplicate_keys(body)
    return value


def _is_json_object(body: bytes) -> bool:
    """Returns whether the grammar of JSON allows these bytes: msgspec refuses some values that it allows."""
    try:
        value = json.loads(body.decode(), parse_int=str, parse_constant=_refuse_constant)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict)


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _refuse_duplicate_keys(body: bytes) -> None:
    def check(pairs: list[tuple[str, Any]]) -> None:
        keys = set()
        for key, _ in pairs:
            if key in keys:
                raise BadRequest(f"the key {key!r} appears twice")
            keys.add(key)

    try:
        json.loads(body, object_pairs_hook=check)
    except RecursionError:
        raise BadRequest("the body is nested too deeply") from None
