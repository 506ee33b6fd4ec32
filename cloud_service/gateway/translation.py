"""Translates between the legacy protocol's texts and the contract's requests and results."""

import json
from collections.abc import Mapping
from datetime import MINYEAR, datetime, tzinfo
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
_FIRST_DATE: Final = "0001-01-01T00:00:00"
_LAST_DATE: Final = "9999-12-31T23:59:59.999999"
_DATES: Final = ("startDateTime", "finishDateTime")


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
        if all(key in values for key in action.legacy_keys):
            return action, make_request(action.request, {key: values[key] for key in action.legacy_keys})
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


def _without_offset(moment: str, zone: tzinfo | None) -> str:
    utc = datetime.fromisoformat(moment)
    try:
        return utc.astimezone(zone).replace(tzinfo=None).isoformat()
    except (OverflowError, ValueError):  # in the zone, it is in the year 0 or 10000
        return _FIRST_DATE if utc.year == MINYEAR else _LAST_DATE


def _format(value: Any) -> bytes:
    """Returns the text of json.dumps(value, indent=4), which indents in Python, in a fifth of its time."""
    return msgspec.json.format(json.dumps(value).encode("ascii"), indent=4)
