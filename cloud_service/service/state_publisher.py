"""Publishes retained state in rounds, behind the replies."""

import time
from datetime import datetime
from typing import Final

from cloud_service.core.network import Network
from cloud_service.mqtt.polling_connection import PollingConnection
from cloud_service.service.retained_state import RetainedState

ROUND_MESSAGES: Final = 500
PAUSE_SECONDS: Final = 0.25
"""Between two rounds. State may follow a reply by up to a second (docs/mqtt.md, Retained state)."""
MAX_OUTSTANDING: Final = 2_000
"""While the broker has this many messages to acknowledge, retained state waits."""


class StatePublisher:
    """Sends what is stale in the retained state, while the broker keeps up."""

    def __init__(self, state: RetainedState, connection: PollingConnection) -> None:
        self._state = state
        self._connection = connection
        self._next_round = 0.0

    def turn(self, network: Network, now: datetime) -> None:
        """Sends a round, if one is due."""
        if not self._connection.ready or time.monotonic() < self._next_round:
            return
        room = max(min(ROUND_MESSAGES, MAX_OUTSTANDING - self._connection.outstanding), 0)
        for message in self._state.take(network, room, now):
            self._connection.publish(message)
        if not len(self._state):
            self._next_round = time.monotonic() + PAUSE_SECONDS
