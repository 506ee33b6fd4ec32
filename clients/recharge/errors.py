"""Every error that the library raises, apart from ValueError and ConnectionError."""

from cloud_service.mqtt.publisher import BrokerRefused
from cloud_service.mqtt.requester import ClocksDiffer, NobodyListens, OutcomeUnknown
from cloud_service.protocol.errors import (
    BadRequest,
    Busy,
    Conflict,
    Forbidden,
    IDReused,
    InternalError,
    NotFound,
    RequestError,
    StorageFailed,
    TooLarge,
)

__all__ = [
    "BadRequest",
    "BrokerRefused",
    "Busy",
    "ClocksDiffer",
    "Conflict",
    "CutReply",
    "Forbidden",
    "IDReused",
    "InternalError",
    "NobodyListens",
    "NotFound",
    "OutcomeUnknown",
    "Refused",
    "RequestError",
    "StorageFailed",
    "TooLarge",
]


class Refused(RequestError):
    """The TCP gateway answered `None`: a refusal without a reason."""

    code = "REFUSED"


class CutReply(OutcomeUnknown):
    """The TCP connection ended with bytes that are not a complete reply."""
