"""Finds out whether two cloud services use the same broker.

Each with its own folder, they would split the network: each would answer some requests, from data that the
other does not have. So a service publishes a mark each time it connects, and the broker retains it for
seconds. Of two services that see each other's marks, the younger one stops.
"""

import logging
from datetime import datetime
from typing import Annotated, Final

import msgspec
from msgspec import Struct

from cloud_service.protocol.messages import Message

log = logging.getLogger(__name__)

MARK_SECONDS: Final = 3
"""How long the broker retains a mark."""


class _Mark(Struct, frozen=True):
    """When a service was started, and when it connected last. On the wire between services only."""

    since: Annotated[datetime, msgspec.Meta(tz=True)]
    now: Annotated[datetime, msgspec.Meta(tz=True)]


class SecondServiceCheck:
    """Compares the marks on a topic with this service, which was started at `since`."""

    def __init__(self, topic: str, since: datetime) -> None:
        self.topic = topic
        self.is_second = False
        """Whether this service is the younger of two."""
        self._since = since

    def mark(self, now: datetime) -> Message:
        """The mark of this service."""
        payload = msgspec.json.encode(_Mark(self._since, now))
        return Message(self.topic, payload, retain=True, expiry=MARK_SECONDS)

    def receive(self, payload: bytes) -> None:
        """Takes a mark, this service's own included.

        An older service that made its mark after this one started is still running.
        """
        try:
            other = msgspec.json.decode(payload, type=_Mark)
        except msgspec.MsgspecError as error:
            log.warning("the mark of a running cloud service cannot be read: %s", error)
            return
        if other.since < self._since < other.now:
            log.error("another cloud service, started at %s, uses this broker: this one stops", other.since)
            self.is_second = True
