"""A request's envelope: its ID, where its reply goes, when it expires (docs/mqtt.md, Requests).

Each may stand in the body or come as an MQTT 5 property.
"""

from collections.abc import Mapping
from hashlib import blake2b
from typing import Any, Final, TypeGuard

from msgspec import Struct

from cloud_service.protocol import topics
from cloud_service.protocol.errors import BadRequest
from cloud_service.protocol.messages import Message

MAX_ID_BYTES: Final = 64
_LATEST_MILLISECONDS: Final = 10**15
"""Later than any clock shows, and exact in a float."""


class Ignored(Exception):
    """The message gets no reply and has no effect; the text says why, for the log."""


class Envelope(Struct, frozen=True):
    """What a request says about itself."""

    reply_to: str
    """The topic of the reply."""
    request_id: str | None = None
    """The ID as the reply repeats it; None for a request without an ID, or whose ID is not a text."""
    identity: str | None = None
    """The ID under which deduplication knows the request; None for a request without an ID."""
    expires_at: float | None = None
    """Unix time in seconds."""
    error: BadRequest | None = None
    """The first thing that is wrong with the envelope."""


def read_envelope(client: str, message: Message, values: Mapping[str, Any], arrival: float) -> Envelope:
    """Reads the envelope of a client's request that arrived at this Unix time.

    Raises Ignored if a reply topic is given that is not the client's own.
    """
    correlation, request_id = message.correlation or None, values.get("requestID")
    reply_to, topic_error = _read_reply_topic(client, message.response_topic, values.get("replyTo"))
    expires_at, expiry_error = _read_expiry(message.expiry, values.get("expiresAt"), arrival)
    if request_id is not None and not _is_id(request_id):
        id_error = BadRequest(f"requestID is not a text of 1 to {MAX_ID_BYTES} bytes")
        return Envelope(reply_to, expires_at=expires_at, error=expiry_error or id_error)
    text = _as_id(correlation)
    if correlation is not None and request_id is not None and text != request_id:
        id_error = BadRequest("requestID and Correlation Data differ")
        return Envelope(topics.reply(client), expires_at=expires_at, error=expiry_error or id_error)
    known = request_id or text
    return Envelope(reply_to, known, _identity(known, correlation), expires_at, expiry_error or topic_error)


def _read_reply_topic(
    client: str, response_topic: str | None, reply_to: object
) -> tuple[str, BadRequest | None]:
    default = topics.reply(client)
    if reply_to is not None and not isinstance(reply_to, str):
        return default, BadRequest("replyTo is not a text")
    for topic in (response_topic, reply_to):
        if topic is not None and not topics.may_reply_to(topic, client):
            raise Ignored(f"the reply topic {topic[:200]!r} is not {default} or below it")
    if response_topic is not None and reply_to is not None and response_topic != reply_to:
        return default, BadRequest("replyTo and Response Topic differ")
    return response_topic or reply_to or default, None


def _read_expiry(
    seconds: int | None, milliseconds: object, arrival: float
) -> tuple[float | None, BadRequest | None]:
    """The earlier of both counts: an interval from arrival, and a Unix time."""
    expires_at = None if seconds is None else arrival + seconds
    if milliseconds is None:
        return expires_at, None
    if isinstance(milliseconds, bool) or not isinstance(milliseconds, int | float):
        return expires_at, BadRequest("expiresAt is not a Unix time in milliseconds")
    if expires_at is None or milliseconds < expires_at * 1000:
        expires_at = max(-_LATEST_MILLISECONDS, min(milliseconds, _LATEST_MILLISECONDS)) / 1000
    return expires_at, None


def _identity(request_id: str | None, correlation: bytes | None) -> str | None:
    if request_id is not None:
        return "text:" + request_id
    if correlation is not None:
        return "bytes:" + blake2b(correlation, digest_size=32).hexdigest()
    return None


def _is_id(value: object) -> TypeGuard[str]:
    return isinstance(value, str) and 1 <= len(value.encode()) <= MAX_ID_BYTES


def _as_id(correlation: bytes | None) -> str | None:
    """Correlation Data as a request ID, if it is such a text."""
    if correlation is None or len(correlation) > MAX_ID_BYTES:
        return None
    try:
        return correlation.decode()
    except UnicodeDecodeError:
        return None
