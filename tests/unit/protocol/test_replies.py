"""Replies, as they are written and read."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloud_service.protocol.errors import ERRORS, BadRequest, InternalError
from cloud_service.protocol.replies import OK, decode_reply, encode_reply, failed, succeeded

RETRYABLE = {
    "BAD_REQUEST": False,
    "NOT_FOUND": False,
    "CONFLICT": False,
    "FORBIDDEN": False,
    "ID_REUSED": False,
    "TOO_LARGE": False,
    "BUSY": True,
    "STORAGE": True,
    "INTERNAL": True,
}

POINT = {"chargingPointID": 1, "chargingStationID": 2, "power": 30, "kWhPrice": 0.5, "availability": "livre"}


def test_the_codes_are_the_contract_s() -> None:
    assert {code: error.retryable for code, error in ERRORS.items()} == RETRYABLE


@pytest.mark.parametrize("result", [1, "Sucesso", [], [POINT], {"price": 30.0, "vehicleID": "Zé"}, None])
def test_a_result(result: Any) -> None:
    body = encode_reply("a", succeeded(result))
    assert succeeded(result).status == OK == "ok"
    read = json.loads(body)
    assert list(read) == ["requestID", "ok", "result"]
    assert repr(read) == repr({"requestID": "a", "ok": True, "result": result})
    reply = decode_reply(body)
    assert (reply.request_id, reply.result, reply.error) == ("a", result, None)


@pytest.mark.parametrize("code", RETRYABLE)
def test_an_error(code: str) -> None:
    outcome = failed(ERRORS[code]("because"))
    assert outcome.status == code
    body = encode_reply(None, outcome)
    read = json.loads(body)
    assert list(read) == ["requestID", "ok", "error"]
    assert read == {
        "requestID": None,
        "ok": False,
        "error": {"code": code, "message": "because", "retryable": RETRYABLE[code]},
    }
    error = decode_reply(body).error
    assert type(error) is ERRORS[code]
    assert error.message == "because"


@pytest.mark.parametrize("code", RETRYABLE)
def test_an_error_without_a_message_has_a_default(code: str) -> None:
    assert ERRORS[code]().message.endswith(".")


@given(st.none() | st.text(min_size=1).filter(lambda text: text.isprintable() or "\n" in text))
def test_any_id_is_repeated(request_id: str | None) -> None:
    body = encode_reply(request_id, succeeded(1))
    assert json.loads(body)["requestID"] == request_id
    assert decode_reply(body).request_id == request_id


@pytest.mark.parametrize("body", [b"", b"[]", b"no JSON", b'{"ok": true'])
def test_other_bodies_are_refused(body: bytes) -> None:
    with pytest.raises(BadRequest):
        decode_reply(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"requestID": null, "ok": false, "error": {"code": "NEW_ONE", "message": "m"}}',
        b'{"requestID": null, "ok": false}',
    ],
)
def test_an_unknown_error_code_is_an_internal_error(body: bytes) -> None:
    assert isinstance(decode_reply(body).error, InternalError)
