"""Reads the fields of payloads leniently: a number in place of a text, a text in place of a number.

Each reader takes what it can understand, and otherwise returns a default. Violations of the schema are noted
elsewhere (schemas.py).
"""

import math
from collections.abc import Mapping
from typing import Any, Final

LARGEST: Final = 1e15
"""No meter shows more than this, in any unit."""


def text(payload: Mapping[str, Any], key: str, most: int = 255) -> str:
    """The value as a text, without what cannot be printed, and cut to `most` characters."""
    value = payload.get(key)
    if isinstance(value, str):
        return "".join(character for character in value if character.isprintable())[:most].strip()
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)[:most]
    return ""


def number(payload: Mapping[str, Any], key: str) -> float | None:
    """The value as a finite number, even if it is a text."""
    value = payload.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value[:32] if isinstance(value, str) else value)
    except (ValueError, OverflowError):
        return None
    return found if math.isfinite(found) and abs(found) <= LARGEST else None


def whole(payload: Mapping[str, Any], key: str, default: int) -> int:
    """The value as a whole number of 64 bits, even if it is a text."""
    value = payload.get(key)
    if isinstance(value, int) and not isinstance(value, bool):
        return value if -(2**63) <= value < 2**63 else default
    found = number(payload, key)
    return default if found is None else int(found)


def member(payload: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The value as an object; an empty one for anything else."""
    value = payload.get(key)
    return value if isinstance(value, dict) else {}


def members(payload: Mapping[str, Any], key: str) -> list[Mapping[str, Any]]:
    """The objects of a list; a single object counts as a list of one."""
    value = payload.get(key)
    listed = value if isinstance(value, list) else [value]
    return [each for each in listed if isinstance(each, dict)]
