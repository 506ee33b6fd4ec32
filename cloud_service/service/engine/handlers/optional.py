"""Optional keys: what is left out stays, and null removes it (docs/mqtt.md, Descriptions)."""

from typing import TypeVar

from msgspec import UNSET, UnsetType

Value = TypeVar("Value")


def given_or(given: Value | UnsetType | None, before: Value | None) -> Value | None:
    """Returns what a request gives, None included; what was there before if it gives nothing."""
    return before if given is UNSET else given


def or_none(given: Value | UnsetType) -> Value | None:
    """Returns what a request gives, and None if it gives nothing."""
    return None if isinstance(given, UnsetType) else given
