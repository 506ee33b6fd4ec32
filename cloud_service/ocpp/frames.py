"""The frames of OCPP-J: calls, results and errors, each a JSON array."""

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import msgspec
from msgspec import Struct
from ocpp.messages import MessageType

_LONGEST_ID: Final = 64
_LONGEST_NAME: Final = 64
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class Call(Struct, frozen=True):
    """A request from one side to the other."""

    id: str
    action: str
    payload: Mapping[str, Any]


class Result(Struct, frozen=True):
    """The answer to a call."""

    id: str
    payload: Mapping[str, Any]


class Failure(Struct, frozen=True):
    """A call could not be answered. `code` is one of OCPP's."""

    id: str
    code: str
    description: str = ""


Frame: TypeAlias = Call | Result | Failure


class Broken(Exception):
    """What arrived is not a frame. `id` is that of the call that it would be, if it is known."""

    def __init__(self, reason: str, call_id: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.id = call_id


def read_frame(data: str | bytes) -> Frame:
    """Raises Broken if this is not a frame."""
    try:
        value = _decode(data)
    except (msgspec.MsgspecError, ValueError, RecursionError):
        raise Broken("a message is not JSON") from None
    if not isinstance(value, list) or len(value) < 2:
        raise Broken("a message is not a JSON array of a type and an ID")
    kind, call_id, *rest = value
    if not isinstance(call_id, str | int) or isinstance(call_id, bool):
        raise Broken("a message has no ID")
    name = str(call_id)[:_LONGEST_ID]
    match kind, rest:
        case MessageType.Call, [str() as action, *more]:
            return Call(name, action[:_LONGEST_NAME], _object(more))
        case MessageType.Call, _:
            raise Broken("a call names no action", name)
        case MessageType.CallResult, _:
            return Result(name, _object(rest))
        case MessageType.CallError, _:
            code, description, *_ = (*(str(each)[:200] for each in rest), "", "")
            return Failure(name, code, description)
    raise Broken("a message has an unknown type", name)


def write_frame(frame: Frame) -> str:
    """The text of a frame."""
    match frame:
        case Call():
            return _text([MessageType.Call, frame.id, frame.action, frame.payload])
        case Result():
            return _text([MessageType.CallResult, frame.id, frame.payload])
        case Failure():
            return _text([MessageType.CallError, frame.id, frame.code, frame.description, {}])


def _object(rest: list[Any]) -> Mapping[str, Any]:
    return rest[0] if rest and isinstance(rest[0], dict) else {}


def _text(value: list[Any]) -> str:
    return _encode(value).decode()
