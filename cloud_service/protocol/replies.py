"""Encodes the outcome of a request as a reply, and decodes replies."""

from typing import Any

import msgspec
from msgspec import Struct, field

from cloud_service.protocol.errors import ERRORS, BadRequest, InternalError, RequestError

SUCCESS = "Sucesso"
"""The result of a change that has no other result, in the words of the legacy protocol."""

OK = "ok"

_encode = msgspec.json.Encoder().encode


class Outcome(Struct, frozen=True, gc=False):
    """How a request ended, without its request ID and recipient: what a request record keeps."""

    status: str
    """`ok` or the error's code."""
    body: bytes
    """The JSON members of the reply, except its request ID: `"ok": ..., "result" or "error": ...`."""


def succeeded(result: object) -> Outcome:
    return Outcome(OK, b'"ok":true,"result":' + _encode(result))


def failed(error: RequestError) -> Outcome:
    description = {"code": error.code, "message": error.message, "retryable": error.retryable}
    return Outcome(error.code, b'"ok":false,"error":' + _encode(description))


def encode_reply(request_id: str | None, outcome: Outcome) -> bytes:
    return b'{"requestID":' + _encode(request_id) + b"," + outcome.body + b"}"


class _Failure(Struct, frozen=True):
    code: str = ""
    message: str | None = None


class Reply(Struct, frozen=True, rename={"request_id": "requestID"}):
    """A reply as its receiver reads it: it has a result if `error` is None."""

    request_id: str | None = None
    ok: bool = False
    result: Any = None
    failure: _Failure = field(name="error", default=_Failure())

    @property
    def error(self) -> RequestError | None:
        """The error to raise. A code that this version does not know becomes an InternalError."""
        if self.ok:
            return None
        return ERRORS.get(self.failure.code, InternalError)(self.failure.message)


_decode = msgspec.json.Decoder(Reply).decode


def decode_reply(body: bytes) -> Reply:
    """Raises BadRequest if the body is not a reply."""
    try:
        return _decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadRequest(f"the body is not a reply: {error}") from None
