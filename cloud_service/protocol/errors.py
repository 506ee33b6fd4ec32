"""The errors in replies (docs/mqtt.md, Replies). The docstring of a class is its default message."""

from typing import ClassVar, Final

MAX_MESSAGE_CHARACTERS: Final = 400
"""A refusal is recorded for a day, so it must not repeat everything that a client sent."""


class RequestError(Exception):
    """A request was refused. `code` is the error on the wire; the middle of a long message is left out."""

    code: ClassVar[str]
    retryable: ClassVar[bool] = False

    def __init__(self, message: str | None = None) -> None:
        super().__init__(_shortened(message or (type(self).__doc__ or "").strip()))

    @property
    def message(self) -> str:
        return str(self.args[0])


def _shortened(text: str) -> str:
    half = MAX_MESSAGE_CHARACTERS // 2
    return text if len(text) <= MAX_MESSAGE_CHARACTERS else f"{text[:half]} ... {text[-half:]}"


class BadRequest(RequestError):
    """The request is not valid."""

    code = "BAD_REQUEST"


class NotFound(RequestError):
    """What the request names does not exist."""

    code = "NOT_FOUND"


class Conflict(RequestError):
    """There is already a station at this location."""

    code = "CONFLICT"


class Forbidden(RequestError):
    """This account may not do that."""

    code = "FORBIDDEN"


class IDReused(RequestError):
    """This request ID was used for another request."""

    code = "ID_REUSED"


class TooLarge(RequestError):
    """The request or its result is too large."""

    code = "TOO_LARGE"


class Busy(RequestError):
    """The service has too many requests; try again later."""

    code = "BUSY"
    retryable = True


class StorageFailed(RequestError):
    """The service cannot write to its disk; try again later with the same ID."""

    code = "STORAGE"
    retryable = True


class InternalError(RequestError):
    """The service failed; try again."""

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
"""All errors that a reply can carry, by code."""
