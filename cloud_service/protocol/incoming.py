"""From a message on a request topic to a typed request, with all that its reply needs."""

from hashlib import blake2b
from typing import Any, Final

from msgspec import Struct

from cloud_service.protocol import topics
from cloud_service.protocol.errors import BadRequest, RequestError, TooLarge
from cloud_service.protocol.jsontext import decode_object
from cloud_service.protocol.messages import Message
from cloud_service.protocol.replies import Outcome, encode_reply
from cloud_service.protocol.requests import KINDS, Request, fingerprint, make_request, raw_fingerprint

MAX_REQUEST_BYTES: Final = 65_536
_LATEST: Final = 10**15
"""In milliseconds; later than any clock shows, and far from what a float cannot hold."""


class Ignored(Exception):
    """The message gets no reply and has no effect; the text says why, for the log."""


class Incoming(Struct, frozen=True):
    """A request that came in, good or not: where `error` is set, `request` is None."""

    action: str
    client: str
    reply_to: str
    correlation: bytes | None
    request_id: str | None
    """The ID as its reply repeats it; None where there is none, or none that is text."""
    identity: str | None
    """The ID by which the request is remembered; None where it has none."""
    fingerprint: bytes
    """What the request asks for: the same for the same request."""
    expires_at: float | None
    """Unix time in seconds."""
    request: Request | None = None
    error: RequestError | None = None

    def expired(self, now: float) -> bool:
        return self.expires_at is not None and self.expires_at <= now

    def reply(self, outcome: Outcome) -> Message:
        return Message(
            self.reply_to,
            encode_reply(self.request_id, outcome),
            correlation=self.correlation,
            status=outcome.status,
        )


def receive(message: Message, arrival: float) -> Incoming:
    """Reads a request that arrived at this Unix time. Raises Ignored where it is to get no reply."""
    address = topics.parse_request(message.topic)
    if address is None or address[0] not in KINDS:
        raise Ignored("no request topic of a known action and a possible client")
    if message.retain:
        raise Ignored("a request must not be retained")
    action, client = address
    values, error = _read_body(message)
    envelope = _Envelope(client, message, values or {}, arrival)
    error = error or envelope.error
    request = None
    if values is not None and error is None:
        try:
            request = make_request(action, values)
        except BadRequest as refusal:
            error = refusal
    return Incoming(
        action=action,
        client=client,
        reply_to=envelope.reply_to,
        correlation=message.correlation,
        request_id=envelope.request_id,
        identity=envelope.identity,
        fingerprint=(
            raw_fingerprint(action, message.payload) if values is None else fingerprint(action, values)
        ),
        expires_at=envelope.expires_at,
        request=request,
        error=error,
    )


def _read_body(message: Message) -> tuple[dict[str, Any] | None, RequestError | None]:
    """The JSON object, or None where it is none, and what is wrong with it or with its size."""
    values: dict[str, Any] | None = None
    error: RequestError | None = None
    try:
        values = decode_object(message.payload)
    except BadRequest as refusal:
        error = refusal
    if len(message.payload) > MAX_REQUEST_BYTES:
        error = TooLarge(f"a request has {MAX_REQUEST_BYTES} bytes at most")
    if message.properties_too_long:
        error = TooLarge("a request has not so many properties")
    return values, error


class _Envelope:
    """What surrounds a request's own keys. The first thing found wrong with it is its `error`."""

    def __init__(self, client: str, message: Message, values: dict[str, Any], arrival: float) -> None:
        self.error: BadRequest | None = None
        self.reply_to = topics.reply(client)
        self.request_id: str | None = None
        self.identity: str | None = None
        self._ids_differ = False
        self.expires_at = None if message.expiry is None else arrival + message.expiry
        self._read_expiry(values.get("expiresAt"))
        self._read_identity(message.correlation or None, values.get("requestID"))
        self._read_reply_topic(client, message.response_topic, values.get("replyTo"))

    def _refuse(self, text: str) -> None:
        self.error = self.error or BadRequest(text)

    def _read_expiry(self, value: object) -> None:
        if value is None:
            return
        if isinstance(value, bool) or not isinstance(value, int | float):
            self._refuse("expiresAt is not a Unix time in milliseconds")
        elif self.expires_at is None or value < self.expires_at * 1000:
            self.expires_at = max(-_LATEST, min(value, _LATEST)) / 1000

    def _read_identity(self, correlation: bytes | None, request_id: object) -> None:
        if request_id is not None and not _is_id(request_id):
            self._refuse("requestID is not a text of 1 to 64 bytes")
            return
        text = _as_id(correlation)
        if correlation is not None and request_id is not None and text != request_id:
            self._refuse("requestID and Correlation Data differ")
            self._ids_differ = True
            return
        self.request_id = text or (request_id if isinstance(request_id, str) else None)
        if self.request_id is not None:
            self.identity = "text:" + self.request_id
        elif correlation is not None:
            self.identity = "bytes:" + blake2b(correlation, digest_size=32).hexdigest()

    def _read_reply_topic(self, client: str, response_topic: str | None, reply_to: object) -> None:
        if reply_to is not None and not isinstance(reply_to, str):
            self._refuse("replyTo is not a text")
            return
        for topic in (response_topic, reply_to):
            if topic is not None and not topics.may_reply_to(topic, client):
                raise Ignored(f"the reply topic {topic[:200]!r} is not {topics.reply(client)} or below it")
        if response_topic is not None and reply_to is not None and response_topic != reply_to:
            self._refuse("replyTo and Response Topic differ")
        elif not self._ids_differ:
            self.reply_to = response_topic or reply_to or self.reply_to


def _is_id(value: object) -> bool:
    return isinstance(value, str) and 1 <= len(value.encode()) <= 64


def _as_id(correlation: bytes | None) -> str | None:
    """Correlation Data as a request ID; None where it is no such text."""
    try:
        text = (correlation or b"").decode()
    except UnicodeDecodeError:
        return None
    return text if _is_id(text) else None
