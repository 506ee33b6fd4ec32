"""Answers of the HTTP interface: JSON, and errors as `{"error": {"code", "message"}}`."""

from http import HTTPStatus
from typing import Final

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from cloud_service.mqtt.requester import OutcomeUnknown
from cloud_service.protocol.errors import RequestError

_STATUS: Final = {"BAD_REQUEST": 400, "FORBIDDEN": 403, "NOT_FOUND": 404, "CONFLICT": 409, "TOO_LARGE": 413}


def json_answer(content: object, status: int = 200, media_type: str = "application/json") -> Response:
    return Response(msgspec.json.encode(content), status, media_type=media_type)


def error_answer(code: str, message: str, status: int) -> Response:
    return json_answer({"error": {"code": code, "message": message}}, status)


async def _refuse(request: Request, error: Exception) -> Response:
    """What the service or the interface refuses, with the protocol's code."""
    assert isinstance(error, RequestError)
    return error_answer(error.code, error.message, _STATUS.get(error.code, 503))


async def _refuse_http(request: Request, error: Exception) -> Response:
    """What the routes refuse: a path that does not exist, a method that it does not have."""
    assert isinstance(error, HTTPException)
    answer = error_answer(HTTPStatus(error.status_code).name, error.detail, error.status_code)
    answer.headers.update(error.headers or {})
    return answer


async def _unavailable(request: Request, error: Exception) -> Response:
    return error_answer("UNAVAILABLE", str(error), 503)


ERROR_HANDLERS: Final = {
    RequestError: _refuse,
    HTTPException: _refuse_http,
    OutcomeUnknown: _unavailable,
    ConnectionError: _unavailable,
}
