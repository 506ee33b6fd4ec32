"""The schemas of OCPP: which actions exist, and where a payload is not valid."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final, Literal, TypeAlias

from jsonschema import Draft4Validator
from ocpp.messages import MessageType, get_validator

from cloud_service.ocpp.leniencies import Leniencies

Version: TypeAlias = Literal["1.6", "2.0.1", "2.1"]
SUBPROTOCOLS: Final[Mapping[str, Version]] = {"ocpp2.1": "2.1", "ocpp2.0.1": "2.0.1", "ocpp1.6": "1.6"}
"""By the name in the handshake, the newest first."""

_MOST_ERRORS: Final = 10
_LONGEST_NAME: Final = 64


@lru_cache(maxsize=1024)
def _validator(kind: int, action: str, version: Version) -> Draft4Validator | None:
    if not (action.isascii() and action.isalnum() and len(action) <= _LONGEST_NAME):
        return None
    try:
        return get_validator(kind, action, version)
    except OSError:
        return None


def is_action(action: str, version: Version) -> bool:
    """Whether this version has this action."""
    return _validator(MessageType.Call, action, version) is not None


def may_be_empty(action: str, version: Version) -> bool:
    """Whether an empty answer to this action is valid."""
    validator = _validator(MessageType.CallResult, action, version)
    return validator is not None and validator.is_valid({})


def is_good_answer(action: str, version: Version, payload: Mapping[str, Any]) -> bool:
    """Whether this answer is valid."""
    validator = _validator(MessageType.CallResult, action, version)
    return validator is not None and validator.is_valid(payload)


def is_good_call(action: str, version: Version, payload: Mapping[str, Any]) -> bool:
    """Whether this call is valid."""
    validator = _validator(MessageType.Call, action, version)
    return validator is not None and validator.is_valid(payload)


def note_faults(action: str, version: Version, payload: Mapping[str, Any], leniencies: Leniencies) -> None:
    """Notes where the payload violates the schema: the places, not the values."""
    validator = _validator(MessageType.Call, action, version)
    if validator is None:
        return
    for count, error in enumerate(validator.iter_errors(payload)):
        if count == _MOST_ERRORS:
            return
        place = ".".join(str(part) for part in error.absolute_path if isinstance(part, str))
        rule = "unknown value" if error.validator == "enum" else str(error.validator)
        leniencies.note(f"{action}{'.' if place else ''}{place}: {rule}")
