"""Between the old protocol's texts and the contract's requests and results. Pure."""

import json
from collections.abc import Mapping
from datetime import datetime, tzinfo
from typing import Any, Final

import msgspec
from msgspec import Struct

from cloud_service.protocol.actions import ACTIONS, Actions, client_actions
from cloud_service.protocol.errors import BadRequest
from cloud_service.protocol.jsontext import decode_object
from cloud_service.protocol.replies import SUCCESS
from cloud_service.protocol.requests import make_request

NONE: Final = b"None"
"""The reply that says no: nothing there, or an error that asking again would not mend."""
_DATES: Final = ("startDateTime", "finishDateTime")


class Question(Struct, frozen=True):
    """What a client asks for: an action with the values of its keys, and nothing else."""

    action: str
    values: Mapping[str, Any]


def read_request(body: bytes, actions: Actions = ACTIONS) -> Question:
    """The first action in the order of the table whose name and keys are all there.

    Raises BadRequest where there is none, and where a value is of the wrong kind.
    """
    values = decode_object(body)
    named = [action for name, action in client_actions(actions).items() if name in values]
    if not named:
        raise BadRequest("no action is named")
    for action in named:
        if all(key in values for key in action.keys):
            make_request(action.request, values)
            return Question(action.name, {key: values[key] for key in action.keys})
    raise BadRequest(f"a key of {named[0].name} is missing: {', '.join(named[0].keys)}")


def write_reply(action: str, result: Any, zone: tzinfo | None, actions: Actions = ACTIONS) -> bytes:
    """A result as the old protocol has it. `zone` is that of its dates; None is the machine's."""
    match actions[action].result:
        case "id" | "count":
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
