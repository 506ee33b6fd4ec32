"""Finds out whether two cloud services use the same broker.

Each with its own folder, they would split the network: each would answer some requests, from data that the
other does not have. Both connect under the same name, so the broker ends the connection of one whenever the
other connects. On each connection, a service first receives the presence that is retained under its name.
Of two services that find each other's presence there, the younger one stops.
"""

import logging
from datetime import datetime, timedelta
from typing import Annotated, Final

import msgspec
from msgspec import Struct

log = logging.getLogger(__name__)

CLOCKS_DIFFER: Final = timedelta(minutes=1)
"""How far ahead another service's clock may be. A presence from later than that is not believed."""


class _OtherPresence(Struct, frozen=True):
    """When a service was started, and when it told of itself last."""

    since: Annotated[datetime, msgspec.Meta(tz=True)]
    now: Annotated[datetime, msgspec.Meta(tz=True)]


class SecondServiceCheck:
    """Compares the presence retained at the broker with this service, which was started at `since`.

    Only what is there after a connection was lost counts: what was there before came from an earlier run, or
    from anybody on an open broker, and the service replaces it on its first connection.
    """

    def __init__(self, since: datetime) -> None:
        self.is_second = False
        """Whether this service is the younger of two."""
        self._since = since
        self._connections = 0
        self._expected = False

    def connected(self) -> None:
        """The service has asked for its retained presence, and will then publish its own."""
        self._connections += 1
        self._expected = self._connections > 1

    def receive(self, payload: bytes, now: datetime) -> None:
        """Takes a presence, this service's own included. The first one on a connection was retained.

        An older service that told of itself after this one started is still running.
        """
        expected, self._expected = self._expected, False
        if not expected:
            return
        try:
            other = msgspec.json.decode(payload, type=_OtherPresence)
        except (msgspec.MsgspecError, ValueError, RecursionError) as error:
            log.warning("the presence of a running cloud service cannot be read: %s", error)
            return
        if other.since < self._since < other.now <= now + CLOCKS_DIFFER:
            log.error("another cloud service, started at %s, uses this broker: this one stops", other.since)
            self.is_second = True
