"""What a handler returns."""

from msgspec import Struct

from cloud_service.core.changes import NOTHING, Changes


class Decision(Struct, frozen=True):
    """The result for the caller, and the changes that it makes."""

    result: object
    changes: Changes = NOTHING
