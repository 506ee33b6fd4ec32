"""Whether a broker keeps up with what it is sent. Pure: time is passed in, in seconds that only grow."""

from typing import Final

STALLED_SECONDS: Final = 2.0
"""A broker that has acknowledged nothing for this long does not hold up the others any more."""
ABSENT_SECONDS: Final = 30.0
"""A broker that has acknowledged nothing for this long is not waited for, while another one keeps up."""


class Progress:
    """What one broker has acknowledged since the moment `now`."""

    def __init__(self, now: float) -> None:
        self.keeps_up = False
        """Whether it is connected, and acknowledges what it is sent."""
        self._progressed = False
        self._seen = now

    def note(self) -> None:
        """It has accepted the login, or acknowledged a message."""
        self._progressed = True

    def look(self, now: float, *, ready: bool, outstanding: int) -> None:
        """Looks at it. To be called often, after what has arrived was read."""
        if ready and (self._progressed or not outstanding):
            self._seen = now
        self._progressed = False
        self.keeps_up = ready and now - self._seen < STALLED_SECONDS

    def is_absent(self, now: float) -> bool:
        return now - self._seen >= ABSENT_SECONDS
