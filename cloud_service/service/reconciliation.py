"""Reconciliation: compares what the broker has retained with the network, a little at a time."""

import logging
import time
from secrets import token_hex
from typing import Final, Protocol

from cloud_service.core.network import Network
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.retained_reader import RetainedReader
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message
from cloud_service.service.retained_state import RetainedState

log = logging.getLogger(__name__)

RETRY_SECONDS: Final = 5.0
_MESSAGES_A_TURN: Final = 200
"""The most messages compared before requests are handled again (a few milliseconds)."""


class Connection(Protocol):
    """What reconciliation needs of the service's connection."""

    @property
    def ready(self) -> bool: ...

    def watch(self, descriptor: int) -> None: ...

    def unwatch(self, descriptor: int) -> None: ...


class Reconciliation:
    """Finds what is wrong in the retained state after the broker or the service was away.

    `name` is the service's account. A second connection, with the client ID `{name}-state`, reads what is
    retained.
    """

    def __init__(
        self, address: BrokerAddress, name: str, state: RetainedState, connection: Connection
    ) -> None:
        self._address = address
        self._name = name
        self._state = state
        self._connection = connection
        self._mark_topic = f"{topics.reply(name)}/compared"
        self._reader: RetainedReader | None = None
        self._arrived: list[Message] = []
        self._retry_at: float | None = None

    @property
    def has_work(self) -> bool:
        """Whether there is something to do that no descriptor shows."""
        return self._reader is not None and self._reader.holds_packet

    def begin(self) -> None:
        """Starts from the beginning. Does nothing without a connection: the next connection starts it."""
        self._end()
        if not self._connection.ready:
            return
        mark = token_hex(8).encode()
        self._state.begin_reconciliation(mark)
        try:
            self._reader = RetainedReader(
                self._address,
                f"{self._name}-state",
                subscriptions=[f"{topics.ROOT}/state/#", self._mark_topic],
                mark=Message(self._mark_topic, mark),
                on_message=self._arrived.append,
            )
        except (OSError, ValueError) as error:
            self._retry_later(str(error))
        else:
            self._connection.watch(self._reader.descriptor)

    def turn(self, network: Network) -> None:
        """Compares a few more messages."""
        if self._retry_at is not None and time.monotonic() >= self._retry_at and self._connection.ready:
            self.begin()
        if self._reader is None:
            return
        self._reader.read(_MESSAGES_A_TURN)
        arrived, self._arrived[:] = list(self._arrived), []
        for message in arrived:
            if message.topic != self._mark_topic:
                self._state.compare(network, message)
            elif self._state.end_reconciliation(network, message.payload):
                self._end()
                return
        if self._reader.broken is not None:
            self._retry_later(f"the broker {self._reader.broken}")

    def _retry_later(self, reason: str) -> None:
        log.warning("the retained state cannot be read, next attempt in %g s: %s", RETRY_SECONDS, reason)
        self._end()
        self._retry_at = time.monotonic() + RETRY_SECONDS

    def _end(self) -> None:
        self._retry_at = None
        self._arrived.clear()
        if self._reader is not None:
            self._connection.unwatch(self._reader.descriptor)
            self._reader.close()
            self._reader = None
