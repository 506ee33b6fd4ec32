"""How far this machine's clock is from the service's, as far as the service's presence tells.

Pure: time is passed in. MQTT 3.1.1 has no Message Expiry Interval. There, a request says by this machine's
clock until when it is valid, and the service looks at its own.
"""

from collections import deque
from datetime import datetime
from typing import Final

from msgspec import Struct

from cloud_service.protocol import topics
from cloud_service.protocol.errors import BadRequest
from cloud_service.protocol.messages import Message
from cloud_service.protocol.presence import read_presence
from cloud_service.protocol.roles import SERVICE

TOPIC: Final = topics.service(SERVICE)
TOLERANCE_SECONDS: Final = 1.0
"""A smaller difference harms no request, and may be the time that a message was under way."""


class ClockDifference(Struct, frozen=True):
    """By how many seconds this machine's clock is ahead of the service's; negative if it is behind."""

    ahead: float
    at_least: bool = False
    """Whether it may be more."""

    def __str__(self) -> str:
        bound = "at least " if self.at_least else ""
        direction = "ahead of" if self.ahead > 0 else "behind"
        return f"this machine's clock is {bound}{abs(self.ahead):.1f} s {direction} the service's"


class ServiceClock:
    """Compares the clocks.

    A message can be read late, but not early, so it never makes this clock look further behind than it is.
    One message is enough to tell that it is behind, even one that the broker has retained. That it is ahead
    takes two messages that were not retained: the first may have waited somewhere.
    """

    def __init__(self) -> None:
        self._live: deque[float] = deque(maxlen=2)
        self._retained: float | None = None

    def note(self, message: Message, here: float) -> None:
        """Takes a presence message of the service that arrived at this Unix time."""
        there = _when_written(message.payload)
        if there is None:
            return
        ahead = here - there
        if message.retain:
            self._retained = ahead
        else:
            self._live.append(ahead)

    @property
    def difference(self) -> ClockDifference | None:
        """None if the clocks agree, or nothing is known."""
        if self._live:
            ahead = min(self._live)
            known = ClockDifference(ahead) if ahead < 0 or len(self._live) > 1 else None
        else:
            ahead = self._retained or 0.0
            known = ClockDifference(ahead, at_least=True) if ahead < 0 else None
        return known if known is not None and abs(known.ahead) >= TOLERANCE_SECONDS else None


def _when_written(payload: bytes) -> float | None:
    """Returns None for a last will, which was written long before, and for what is no presence message."""
    try:
        presence = read_presence(payload)
        written = datetime.fromisoformat(presence.now or "")
    except (BadRequest, ValueError):
        return None
    return written.timestamp() if presence.online and written.tzinfo is not None else None
