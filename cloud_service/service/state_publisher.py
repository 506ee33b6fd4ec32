"""Publishes retained messages in rounds, behind the replies."""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from cloud_service.core.network import Network
from cloud_service.mqtt.polling_connection import PollingConnection
from cloud_service.service.retained_topics import RetainedTopics

ROUND_MESSAGES: Final = 500
PAUSE_SECONDS: Final = 0.25
"""Between two rounds. State may follow a reply by up to a second (docs/mqtt.md, Retained state)."""
MAX_OUTSTANDING: Final = 2_000
"""While the broker has this many messages to acknowledge, retained state waits."""


class StatePublisher:
    """Sends what is stale, while the broker keeps up: of the first topics before that of the second."""

    def __init__(self, retained: Sequence[RetainedTopics[Any]], connection: PollingConnection) -> None:
        self._retained = retained
        self._connection = connection
        self._next_round = 0.0

    def turn(self, network: Network, now: datetime) -> None:
        """Sends a round, if one is due."""
        if not self._connection.ready or time.monotonic() < self._next_round:
            return
        room = max(min(ROUND_MESSAGES, MAX_OUTSTANDING - self._connection.outstanding), 0)
        for topics in self._retained:
            messages = topics.take(network, room, now)
            for message in messages:
                self._connection.publish(message)
            room -= len(messages)
        if not any(map(len, self._retained)):
            self._next_round = time.monotonic() + PAUSE_SECONDS
