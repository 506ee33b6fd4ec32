"""The old protocol over raw TCP: a connection a request, no login, a reply that ends with the connection."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec

from cloud_service.mqtt.requester import OutcomeUnknown
from cloud_service.protocol.errors import RequestError
from cloud_service.protocol.replies import SUCCESS

PORT: Final = 64352
NO: Final = "None"

_CONNECT_SECONDS: Final = 5.0
_MOST_BYTES: Final = 16 * 1024 * 1024
_encode = msgspec.json.encode


class Refused(RequestError):
    """The gateway answered None, which is "no" without a reason."""

    code = "REFUSED"


class CutReply(OutcomeUnknown):
    """A part of a reply came, or something that is none: no gateway that lives sends that."""


async def request(
    action: str,
    values: Mapping[str, Any],
    *,
    host: str = "127.0.0.1",
    port: int = PORT,
    seconds: float = 15.0,
) -> Any:
    """The result as MQTT would give it, dates without an offset excepted.

    Raises Refused where the gateway says no, ConnectionError where nobody listens, and OutcomeUnknown where
    the connection ends or so many seconds pass without a reply; CutReply, which is one, where what came is no
    whole reply.
    """
    body = _encode({action: True, **values})
    try:
        async with asyncio.timeout(seconds):
            reply = await _exchange(host, port, body)
    except TimeoutError:
        raise OutcomeUnknown(f"{action}: no reply from {host}:{port} in {seconds:g} s") from None
    return _read_reply(reply, action)


async def _exchange(host: str, port: int, body: bytes) -> bytes:
    """Sends the request and ends its side, whereupon the gateway ends the connection after its reply."""
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), _CONNECT_SECONDS)
    except OSError as error:
        raise ConnectionError(f"no gateway answers at {host}:{port}: {error}") from None
    reply = bytearray()
    try:
        with suppress(OSError):
            writer.write(body)
            writer.write_eof()
            while len(reply) < _MOST_BYTES and (chunk := await reader.read(65_536)):
                reply += chunk
    finally:
        writer.close()
    return bytes(reply)


def _read_reply(reply: bytes, action: str) -> Any:
    text = reply.decode(errors="replace").strip()
    if text == SUCCESS:
        return SUCCESS
    if text == NO:
        raise Refused
    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        if text:
            kept = f"but for {len(reply)} bytes that are none: {text[:80]!r}"
            raise CutReply(f"{action}: the connection ended without a reply {kept}") from None
        raise OutcomeUnknown(f"{action}: the connection ended without a reply") from None
