"""The old protocol over raw TCP: one connection for each request, no login (docs/tcp.md)."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from typing import Any, Final, Self

import msgspec

from cloud_service.protocol.replies import SUCCESS
from recharge.errors import CutReply, OutcomeUnknown, Refused
from recharge.records import Event

PORT: Final = 64352

_REFUSAL: Final = "None"
_CONNECT_SECONDS: Final = 5.0
_MAX_REPLY_BYTES: Final = 16 * 1024 * 1024


class TCPConnection:
    """What AccountConnection offers, as far as TCP has it: requests, but no events and no retained state."""

    connected: Final = True

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """Nothing to close: each request has its own connection."""

    async def request(self, action: str, values: Mapping[str, Any], seconds: float) -> Any:
        return await request(action, values, host=self._host, port=self._port, seconds=seconds)

    async def retained(self, topic: str) -> bytes | None:
        return None

    async def events(self) -> AsyncIterator[Event]:
        return
        yield


async def request(
    action: str,
    values: Mapping[str, Any],
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    seconds: float = 15.0,
) -> Any:
    """Sends a request and returns the result, as MQTT has it except that dates carry no offset.

    Raises Refused when the gateway refuses, ConnectionError when it cannot be reached, OutcomeUnknown when
    no reply comes in `seconds`, and CutReply when an incomplete one comes.
    """
    body = msgspec.json.encode({action: True, **values})
    try:
        async with asyncio.timeout(seconds):
            reply = await _exchange(host, port, body)
    except TimeoutError:
        raise OutcomeUnknown(f"{action}: no reply from {host}:{port} within {seconds:g} s") from None
    return _read_reply(reply, action)


async def _exchange(host: str, port: int, body: bytes) -> bytes:
    """Sends the request and half-closes the connection; the gateway closes it after its reply."""
    try:
        # Python 3.11's wait_for may swallow a cancellation that comes together with the connection.
        async with asyncio.timeout(_CONNECT_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
    except OSError as error:
        raise ConnectionError(f"the gateway at {host}:{port} cannot be reached: {error}") from error
    reply = bytearray()
    try:
        with suppress(OSError):
            writer.write(body)
            writer.write_eof()
            while len(reply) < _MAX_REPLY_BYTES and (chunk := await reader.read(65_536)):
                reply += chunk
    finally:
        writer.close()
    return bytes(reply)


def _read_reply(reply: bytes, action: str) -> Any:
    text = reply.decode(errors="replace").strip()
    if not text:
        raise OutcomeUnknown(f"{action}: the connection ended without a reply")
    if text == SUCCESS:
        return SUCCESS
    if text == _REFUSAL:
        raise Refused
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        raise CutReply(
            f"{action}: the connection ended without a reply; {len(reply)} other bytes came: {text[:80]!r}"
        ) from None
