"""JSON from strangers: stricter than RFC 8259 asks, because a request that can be read twice ways is none."""

import json
import re
from typing import Any

import msgspec

from cloud_service.protocol.errors import BadRequest

_KEY = re.compile(rb'"\s*:')
_decode = msgspec.json.Decoder(strict=True).decode


def decode_object(body: bytes) -> dict[str, Any]:
    """The JSON object in the body.

    Raises BadRequest for what is not JSON (NaN, numbers that overflow, lone surrogates and bytes that are not
    UTF-8 included), for what is no object, and for a key that stands twice in one object.
    """
    try:
        value = _decode(body)
    except RecursionError:
        raise BadRequest("the body is nested too deeply") from None
    except (msgspec.MsgspecError, ValueError) as error:
        raise BadRequest(f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise BadRequest("the body is not a JSON object")
    # Each key stands before a colon, so an object with as many of these as keys has no key twice.
    if len(_KEY.findall(body)) != len(value):
        _refuse_duplicates(body)
    return value


def _refuse_duplicates(body: bytes) -> None:
    def unique(pairs: list[tuple[str, Any]]) -> None:
        seen = set()
        for key, _ in pairs:
            if key in seen:
                raise BadRequest(f"the key {key!r} stands twice")
            seen.add(key)

    try:
        json.loads(body, object_pairs_hook=unique)
    except RecursionError:
        raise BadRequest("the body is nested too deeply") from None
