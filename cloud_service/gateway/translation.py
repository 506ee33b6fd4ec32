"""Between the old protocol's texts and the contract's requests and results. Pure."""

import json
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any, Final

import msgspec
from msgspec import Struct

from cloud_service.protocol.errors import BadRequest
from cloud_service.protocol.jsontext import decode_object
from cloud_service.protocol.replies import SUCCESS
from cloud_service.protocol.requests import KEYS, REQUESTS, make_request

NONE: Final = b"None"
"""The reply that says no: nothing there, or an error that asking again would not mend."""
_DATES: Final = ("startDateTime", "finishDateTime")


class Question(Struct, frozen=True):
    """What a client asks for: an action with the values of its keys, and nothing else."""

    action: str
    values: Mapping[str, Any]


def read_request(body: bytes) -> Question:
    """The first action in the order of the table whose name and keys are all there.

    Raises BadRequest where there is none, and where a value is of the wrong kind.
    """
    values = decode_object(body)
    for action, keys in KEYS.items():
        if action in values and all(key in values for key in keys):
            make_request(action, values)
            return Question(action, {key: values[key] for key in keys})
    named = [action for action in REQUESTS if action in values]
    if named:
        raise BadRequest(f"a key of {named[0]} is missing: {', '.join(KEYS[named[0]])}")
    raise BadRequest("no action is named")


def write_reply(action: str, result: Any, zone: tzinfo | None) -> bytes:
    """A result as the old protocol has it. `zone` is that of its dates; None is the machine's."""
    match REQUESTS[action].answer:
        case "id":
            return b"%d" % result
        case "success":
            return SUCCESS.encode()
        case "reservation":
            return _to_text(_local(result, zone))
        case "points" | "reservations":
            return _to_text([_local(record, zone) for record in result]) if result else NONE


def may_end(reply: bytes) -> bool:
    """Whether clients read on after this reply until the connection ends."""
    return reply in (NONE, SUCCESS.encode())


def _to_text(value: Any) -> bytes:
    """What json.dumps(value, indent=4) makes, in a sixth of the time."""
    return msgspec.json.format(json.dumps(value).encode("ascii"), indent=4)


def _local(record: Mapping[str, Any], zone: tzinfo | None) -> dict[str, Any]:
    return {key: _without_offset(value, zone) if key in _DATES else value for key, value in record.items()}


def _without_offset(moment: str, zone: tzinfo | None) -> str:
    return datetime.fromisoformat(moment).astimezone(zone).replace(tzinfo=None).isoformat()
