"""Whether a service may judge who is offline: chargers may be at a broker that it does not hear."""

from datetime import timedelta
from typing import Final

SETTLING: Final = timedelta(seconds=10)
"""Within this time, all services have noticed that a broker has failed."""


class Hearing:
    """Whether this service hears all brokers; if not, whether there is one that does.

    Times are readings of the clock that only runs forward.
    """

    def __init__(self) -> None:
        self.all_brokers = True
        self.counts = True
        """Whether no other service hears more brokers, as far as this one knows. Only then may it lead, and
        tell the network who is offline.
        """
        self._changed = timedelta()

    def note(self, elapsed: timedelta, *, all_brokers: bool) -> None:
        """Notes what this service hears."""
        if all_brokers != self.all_brokers:
            self.all_brokers = self.counts = all_brokers
            self._changed = elapsed

    def has_settled(self, elapsed: timedelta) -> bool:
        """Whether the others, too, have had the time to notice what they hear."""
        return elapsed - self._changed >= SETTLING

    def compare(self, *, others_hear_all: bool) -> None:
        """Notes whether another service hears all brokers."""
        self.counts = self.all_brokers or not others_hear_all
