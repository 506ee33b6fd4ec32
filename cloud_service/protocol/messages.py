"""A message as the broker carries it, in either direction."""

from msgspec import Struct


class Message(Struct, frozen=True, gc=False):
    """An MQTT message. The fields from `correlation` on are MQTT 5 properties; None means absent."""

    topic: str
    payload: bytes
    retain: bool = False
    qos: int = 1
    correlation: bytes | None = None
    response_topic: str | None = None
    expiry: int | None = None
    """Message Expiry Interval, in seconds."""
    status: str | None = None
    """The user property `status` of a reply: `ok` or the error's code."""
    properties_too_long: bool = False
    """Whether there were more properties than are read: then none of the others is known."""
    traceparent: str | None = None
    """The user property of this name, if it has the length of a trace context."""
    owner: str | None = None
    """The user property of this name of a station's state: the account that registered the station."""
    errors: int | None = None
    """The user property of this name of a process's presence: the errors that it logged in the last hour."""

    @property
    def size(self) -> int:
        """About its size in bytes. Topic, Correlation Data and Response Topic may have 64 KiB each."""
        size = len(self.topic) + len(self.payload)
        if self.correlation is not None:
            size += len(self.correlation)
        if self.response_topic is not None:
            size += len(self.response_topic)
        return size
