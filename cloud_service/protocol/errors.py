"""The errors of the contract. A class has its wire code; its docstring is the message where none is given."""

from typing import ClassVar, Final

MESSAGE_LENGTH: Final = 400
"""Characters. A refusal is remembered, and must not repeat all that somebody sent."""


class RequestError(Exception):
    """The request was refused. The middle of a long message is left out."""

    code: ClassVar[str]
    retryable: ClassVar[bool] = False

    def __init__(self, message: str | None = None) -> None:
        super().__init__(_shortened(message or (type(self).__doc__ or "").strip()))

    @property
    def message(self) -> str:
        return str(self.args[0])


def _shortened(text: str) -> str:
    half = MESSAGE_LENGTH // 2
    return text if len(text) <= MESSAGE_LENGTH else f"{text[:half]} ... {text[-half:]}"


class BadRequest(RequestError):
    """The request is not valid."""

    code = "BAD_REQUEST"


class NotFound(RequestError):
    """What the request names does not exist."""

    code = "NOT_FOUND"


class Conflict(RequestError):
    """The location has another station."""

    code = "CONFLICT"


class Forbidden(RequestError):
    """This account may not do that."""

    code = "FORBIDDEN"


class IDReused(RequestError):
    """This request ID came before with another request."""

    code = "ID_REUSED"


class TooLarge(RequestError):
    """The request or its result is too large."""

    code = "TOO_LARGE"


class Busy(RequestError):
    """More requests than the service takes at once; ask again later."""

    code = "BUSY"
    retryable = True


class StorageFailed(RequestError):
    """The service cannot write to its disk; ask again later with the same ID."""

    code = "STORAGE"
    retryable = True


class InternalError(RequestError):
    """The service failed; ask again."""

    code = "INTERNAL"
    retryable = True


ERRORS: dict[str, type[RequestError]] = {
    error.code: error
    for error in (
        BadRequest,
        NotFound,
        Conflict,
        Forbidden,
        IDReused,
        TooLarge,
        Busy,
        StorageFailed,
        InternalError,
    )
}
"""Every error that a reply can carry, by its code."""
