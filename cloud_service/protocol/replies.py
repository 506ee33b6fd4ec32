"""Replies: the outcome of a request, and the bytes that carry it."""

from typing import Any

import msgspec
from msgspec import Struct

from cloud_service.protocol.errors import ERRORS, InternalError, RequestError
from cloud_service.protocol.jsontext import decode_object

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


def decode_reply(body: bytes) -> Reply:
    """Reads a reply. Raises BadRequest where the body is none."""
    values = decode_object(body)
    request_id = values.get("requestID")
    if values.get("ok"):
        return Reply(request_id, values.get("result"))
    described = values.get("error") or {}
    kind = ERRORS.get(described.get("code", ""), InternalError)
    return Reply(request_id, error=kind(described.get("message")))
