"""Clients with a request that may be too much for the database: each is decided alone, with more time."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

from cloud_service.protocol.incoming import Incoming

LASTING: Final = timedelta(minutes=1)
"""How long a client is suspected after its request was in a batch that took too long."""


class SlowClients:
    """The clients of batches that took too long; one of their requests is the cause."""

    def __init__(self) -> None:
        self._until: dict[str, datetime] = {}

    def suspect(self, requests: Sequence[Incoming], now: datetime) -> None:
        """Notes that these took too long together. They now come after other suspects."""
        for incoming in requests:
            self._until.pop(incoming.client, None)
            self._until[incoming.client] = now + LASTING

    def acquit(self, requests: Sequence[Incoming]) -> None:
        """Notes that these were decided in time."""
        for incoming in requests:
            self._until.pop(incoming.client, None)

    def concern(self, requests: Sequence[Incoming]) -> bool:
        """Whether these requests get more time."""
        return len(requests) == 1 and requests[0].client in self._until

    def portions(self, requests: Sequence[Incoming], now: datetime) -> Iterator[Sequence[Incoming]]:
        """Yields requests that may be decided together, and then the suspected ones, each alone."""
        self._until = {client: until for client, until in self._until.items() if until > now}
        together = [incoming for incoming in requests if incoming.client not in self._until]
        order = {client: place for place, client in enumerate(self._until)}
        alone = [incoming for incoming in requests if incoming.client in order]
        if together:
            yield together
        for incoming in sorted(alone, key=lambda each: order[each.client]):
            yield [incoming]
