"""What a handler answers."""

from msgspec import Struct

from cloud_service.core.changes import NOTHING, Changes


class Decision(Struct, frozen=True):
    """The result for the caller, and what it changes."""

    result: object
    changes: Changes = NOTHING
