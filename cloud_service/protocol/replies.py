"""Replies: the outcome of a request, and the bytes that carry it."""

from typing import Any

import msgspec
from msgspec import Struct

from cloud_service.protocol.errors import ERRORS, BadRequest, InternalError, RequestError

SUCCESS = "Sucesso"
"""The result of a change that has nothing else to tell, as the old protocol says it."""

OK = "ok"

_encode = msgspec.json.Encoder().encode


class Outcome(Struct, frozen=True, gc=False):
    """How a request ended, without whom it is told to: what the request memory keeps."""

    status: str
    """`ok` or the error's code."""
    body: bytes
    """`"ok": ..., "result" or "error": ...`, the reply's members but for its request ID."""


def succeeded(result: object) -> Outcome:
    return Outcome(OK, b'"ok":true,"result":' + _encode(result))


def failed(error: RequestError) -> Outcome:
    description = {"code": error.code, "message": error.message, "retryable": error.retryable}
    return Outcome(error.code, b'"ok":false,"error":' + _encode(description))


def encode_reply(request_id: str | None, outcome: Outcome) -> bytes:
    return b'{"requestID":' + _encode(request_id) + b"," + outcome.body + b"}"


class Reply(Struct, frozen=True):
    """A reply as its receiver sees it: a result, or an error."""

    request_id: str | None
    result: Any = None
    error: RequestError | None = None


class _ErrorBody(Struct, frozen=True):
    code: str = ""
    message: str | None = None


class _Body(Struct, frozen=True, rename={"request_id": "requestID"}):
    request_id: str | None = None
    ok: bool = False
    result: Any = None
    error: _ErrorBody = _ErrorBody()


_decode = msgspec.json.Decoder(_Body).decode


def decode_reply(body: bytes) -> Reply:
    """Reads a reply. Raises BadRequest where the body is none."""
    try:
        read = _decode(body)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise BadRequest(f"the body is no reply: {error}") from None
    if read.ok:
        return Reply(read.request_id, read.result)
    kind = ERRORS.get(read.error.code, InternalError)
    return Reply(read.request_id, error=kind(read.error.message))
