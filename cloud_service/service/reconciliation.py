"""Reconciliation: compares what the broker has retained with the network, a little at a time."""

import logging
import time
from secrets import token_hex
from typing import Any, Final, Protocol

from cloud_service.core.network import Network
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.retained_reader import RetainedReader
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message
from cloud_service.service.retained_topics import RetainedTopics

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
    """Finds what is wrong in retained messages after the broker or the service was away.

    `account` is the service's. Another connection, with a client ID such as `{account}-state`, reads what is
    retained.
    """

    def __init__(
        self, address: BrokerAddress, account: str, retained: RetainedTopics[Any], connection: Connection
    ) -> None:
        self._address = address
        self._client_id = f"{account}-{retained.name}"
        self._retained = retained
        self._connection = connection
        self._mark_topic = f"{topics.reply(account)}/compared/{retained.name}"
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
        self._retained.begin_reconciliation(mark)
        try:
            self._reader = RetainedReader(
                self._address,
                self._client_id,
                subscriptions=[*self._retained.filters, self._mark_topic],
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
                self._retained.compare(network, message)
            elif self._retained.end_reconciliation(network, message.payload):
                self._end()
                return
        if self._reader.broken is not None:
            self._give_up(self._reader)

    def _give_up(self, reader: RetainedReader) -> None:
        """An account without the right to read what is not needed either has nothing to compare."""
        if reader.refused and not self._retained.needed:
            self._end()
        else:
            remedy = " (does `recharge accounts refresh` help?)" if reader.refused else ""
            self._retry_later(f"the broker {reader.broken}{remedy}")

    def _retry_later(self, reason: str) -> None:
        log.warning("what is retained cannot be read, next attempt in %g s: %s", RETRY_SECONDS, reason)
        self._end()
        self._retry_at = time.monotonic() + RETRY_SECONDS

    def _end(self) -> None:
        self._retry_at = None
        self._arrived.clear()
        if self._reader is not None:
            self._connection.unwatch(self._reader.descriptor)
            self._reader.close()
            self._reader = None
