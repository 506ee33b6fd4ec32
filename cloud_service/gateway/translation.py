"""Translates between the legacy protocol's texts and the contract's requests and results."""

import json
from collections.abc import Mapping
from datetime import MINYEAR, date, datetime, time, tzinfo
from functools import cache
from operator import attrgetter
from typing import Any, Final

import msgspec

from cloud_service.protocol.actions import LEGACY_ACTIONS, Action, Actions, did_you_mean
from cloud_service.protocol.errors import BadRequest
from cloud_service.protocol.jsontext import decode_object
from cloud_service.protocol.replies import SUCCESS
from cloud_service.protocol.requests import Request, make_request

NONE: Final = b"None"
"""The reply that says no: there is nothing, or the request failed and would fail again."""
_DONE: Final = SUCCESS.encode()
_KEYS_COMPARED: Final = 10
"""Of a request that names no action, to find the one that was meant."""
_FIRST_DATE: Final = datetime.combine(date.min, time.min)
_LAST_DATE: Final = datetime.combine(date.max, time.max)
_DATES: Final = ("startDateTime", "finishDateTime")
_encode: Final = msgspec.json.Encoder().encode
_legacy_keys: Final = cache(attrgetter("legacy_keys"))
"""Of an action. To compute them takes as long as to read a request."""


def read_request(body: bytes, actions: Actions = LEGACY_ACTIONS) -> tuple[Action, Request]:
    """Returns the first action, in the order of the table, whose name and keys are all there.

    Raises Unreadable if the body is not a JSON object, and another BadRequest if there is no such action or
    a value is not valid.
    """
    values = decode_object(body)
    named = [action for action in actions.values() if action.name in values]
    if not named:
        raise BadRequest(f"no action is named{did_you_mean(list(values)[:_KEYS_COMPARED], actions)}")
    for action in named:
        keys = _legacy_keys(action)
        known = {key: values[key] for key in keys if key in values}
        if len(known) == len(keys):
            return action, make_request(action.request, known)
    raise BadRequest(f"a key of {named[0].name} is missing: {', '.join(named[0].legacy_keys)}")


def write_reply(action: Action, result: Any, zone: tzinfo | None) -> bytes:
    """Returns a result as the legacy protocol writes it, with dates in `zone`; None is the machine's zone."""
    match action.result:
        case "id" | "count":
            return b"%d" % result
        case "success":
            return _DONE
        case "reservation":
            return _format(_localized(result, zone))
        case "points":
            return _format(result) if result else NONE
        case "reservations":
            return _format([_localized(record, zone) for record in result]) if result else NONE
        case _:
            raise ValueError(f"the legacy protocol has no {action.name}")


def may_be_last(reply: bytes) -> bool:
    """Returns whether a client may read on after this reply until the connection ends."""
    return reply in (NONE, _DONE)


def _localized(record: Mapping[str, Any], zone: tzinfo | None) -> dict[str, Any]:
    return {**record, **{key: _without_offset(record[key], zone) for key in _DATES}}


def _without_offset(moment: str, zone: tzinfo | None) -> datetime:
    utc = datetime.fromisoformat(moment)
    try:
        local = utc.astimezone(zone)
    except (OverflowError, ValueError):  # in the zone, it is in the year 0 or 10000
        return _FIRST_DATE if utc.year == MINYEAR else _LAST_DATE
    return datetime.combine(local.date(), local.time())


def _format(value: list[dict[str, Any]] | dict[str, Any]) -> bytes:
    """Returns the text of json.dumps(value, indent=4), in a tenth of its time."""
    text = _encode(value)
    if not text.isascii() or b"\x7f" in text or _has_exponent(value):
        # msgspec writes these in other characters.
        text = json.dumps(msgspec.to_builtins(value)).encode("ascii")
    return msgspec.json.format(text, indent=4)


def _has_exponent(value: list[dict[str, Any]] | dict[str, Any]) -> bool:
    """Returns whether Python writes a number of these records with an exponent."""
    if isinstance(value, list):
        return any(map(_has_exponent, value))
    for number in value.values():
        if isinstance(number, float) and number and not 1e-4 <= abs(number) < 1e16:
            return True
    return False
