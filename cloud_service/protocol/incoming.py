"""From a message on a request topic to a typed request, with everything that its reply needs."""

from typing import Any, Final

import msgspec
from msgspec import Struct

from cloud_service.protocol import topics
from cloud_service.protocol.actions import ACTIONS, Action, Actions
from cloud_service.protocol.envelope import Envelope, Ignored, read_envelope
from cloud_service.protocol.errors import BadRequest, RequestError, TooLarge
from cloud_service.protocol.fingerprints import (
    fingerprint,
    fingerprint_of_bytes,
    fingerprint_of_request,
    with_vehicle,
)
from cloud_service.protocol.jsontext import decode_object
from cloud_service.protocol.messages import Message
from cloud_service.protocol.replies import Outcome, encode_reply
from cloud_service.protocol.requests import Request, make_request
from cloud_service.protocol.traces import read_traceparent

MAX_REQUEST_BYTES: Final = 65_536


class Fingerprints(Struct, frozen=True):
    """The fingerprints of a request: with its vehicle as a text, and with its keys as they came."""

    normalised: bytes
    as_it_came: bytes


class Incoming(Struct, frozen=True):
    """A request that arrived, valid or not: either `request` or `error` is set."""

    action: Action
    client: str
    envelope: Envelope
    correlation: bytes | None
    """MQTT 5's Correlation Data, which the reply repeats."""
    arrival: float
    """Unix time in seconds."""
    size: int
    """The message's size in bytes."""
    delivery: object = None
    """What the connection needs to acknowledge its message."""
    request: Request | None = None
    error: RequestError | None = None
    traceparent: str | None = None
    """The trace that the client says this request belongs to, for the log and the reply."""
    fingerprints_when_invalid: Fingerprints | None = None
    """Computed on arrival: the values of an invalid request may be large, and are not kept."""

    @property
    def identity(self) -> str | None:
        """The ID under which deduplication knows the request; None for a request without an ID."""
        return self.envelope.identity

    def fingerprint(self) -> bytes:
        """What the request asks for, hashed. However its vehicle is named, it is the same."""
        if self.fingerprints_when_invalid is not None:
            return self.fingerprints_when_invalid.normalised
        assert self.request is not None
        return fingerprint_of_request(self.action, self.request, self.client)

    def is_as_recorded(self, recorded: bytes) -> bool:
        """Whether this is the request that was recorded with a fingerprint.

        Versions up to 0.1.0 recorded the vehicle as it was named.
        """
        return recorded == self.fingerprint() or recorded == self._fingerprint_as_it_came()

    def _fingerprint_as_it_came(self) -> bytes:
        if self.fingerprints_when_invalid is not None:
            return self.fingerprints_when_invalid.as_it_came
        return fingerprint(self.action, msgspec.to_builtins(self.request))

    def expired(self, now: float) -> bool:
        """Whether the request has expired at this Unix time."""
        expires_at = self.envelope.expires_at
        return expires_at is not None and expires_at <= now

    def reply(self, outcome: Outcome) -> Message:
        """Makes the reply that carries this outcome."""
        return Message(
            self.envelope.reply_to,
            encode_reply(self.envelope.request_id, outcome),
            correlation=self.correlation,
            status=outcome.status,
            traceparent=self.traceparent,
        )


def receive(
    message: Message, arrival: float, delivery: object = None, actions: Actions = ACTIONS
) -> Incoming:
    """Reads a request that arrived at this Unix time. Raises Ignored if it gets no reply."""
    action, client = _addressed(message, actions)
    values, error = _read_body(message)
    envelope = read_envelope(client, message, values or {}, arrival)
    error = error or envelope.error
    request = None
    if values is not None and error is None:
        try:
            request = make_request(action.request, values)
        except BadRequest as refusal:
            error = refusal
    return Incoming(
        action,
        client,
        envelope,
        message.correlation,
        arrival,
        message.size,
        delivery,
        request,
        error,
        read_traceparent(message.traceparent),
        None if request is not None else _fingerprints_of_invalid(action, values, message.payload, client),
    )


def _addressed(message: Message, actions: Actions) -> tuple[Action, str]:
    address = topics.parse_request(message.topic)
    if address is None or address[0] not in actions:
        raise Ignored("its topic does not name a known action and a possible client")
    if message.retain:
        raise Ignored("a request must not be retained")
    return actions[address[0]], address[1]


def _read_body(message: Message) -> tuple[dict[str, Any] | None, RequestError | None]:
    """Returns the JSON object, if the body is one, and what is wrong with the body or its size."""
    values: dict[str, Any] | None = None
    error: RequestError | None = None
    try:
        values = decode_object(message.payload)
    except BadRequest as refusal:
        error = refusal
    if len(message.payload) > MAX_REQUEST_BYTES:
        error = TooLarge(f"a request has at most {MAX_REQUEST_BYTES} bytes")
    if message.properties_too_long:
        error = TooLarge("the request has too many MQTT properties")
    return values, error


def _fingerprints_of_invalid(
    action: Action, values: dict[str, Any] | None, payload: bytes, client: str
) -> Fingerprints:
    if values is not None:
        normalised = fingerprint(action, with_vehicle(action, values, client))
        return Fingerprints(normalised, fingerprint(action, values))
    of_payload = fingerprint_of_bytes(action, payload)
    return Fingerprints(of_payload, of_payload)
