"""Reconciliation: compares what the broker has retained with the network, a little at a time."""

import logging
import time
from secrets import token_hex
from typing import Any, Final, Protocol

from cloud_service.core.network import Network
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.retained_reader import RetainedReader
from cloud_service.mqtt.socket_opening import SocketOpening
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


class Waiting(Protocol):
    """What wakes the loop when a descriptor can be read."""

    def watch(self, descriptor: int) -> None: ...

    def unwatch(self, descriptor: int) -> None: ...


class Reconciliation:
    """Finds what is wrong in a broker's retained messages after the broker or the service was away.

    Another connection than the service's, with a client ID such as `{client_id}-state`, reads what is
    retained. `account` is the service's.
    """

    def __init__(
        self,
        address: BrokerAddress,
        account: str,
        client_id: str,
        retained: RetainedTopics[Any],
        connection: Connection,
        waiting: Waiting,
    ) -> None:
        self._address = address
        self._client_id = f"{client_id}-{retained.name}"
        self._retained = retained
        self._connection = connection
        self._waiting = waiting
        self._mark = Message(f"{topics.reply(account)}/compared/{retained.name}", b"")
        self._opening: SocketOpening | None = None
        self._reader: RetainedReader | None = None
        self._arrived: list[Message] = []
        self._retry_at: float | None = None
        self._watched: int | None = None
        """The descriptor that wakes the loop."""

    @property
    def has_work(self) -> bool:
        """Whether there is something to do that no descriptor shows."""
        return self._watched is not None and self._reader is not None and self._reader.holds_packet

    def begin(self) -> None:
        """Starts from the beginning. Does nothing without a connection: the next connection starts it."""
        self.end()
        if not self._connection.ready:
            return
        self._mark = Message(self._mark.topic, token_hex(8).encode())
        self._retained.begin_reconciliation(self._mark.payload)
        try:
            self._opening = SocketOpening(self._address)
        except OSError as error:
            self._retry_later(str(error))
        else:
            self._watch()

    def turn(self, network: Network) -> None:
        """Compares a few more messages."""
        self._watch()
        if self._retry_at is not None and time.monotonic() >= self._retry_at and self._connection.ready:
            self.begin()
        if self._opening is not None and self._opening.done:
            self._read_from(self._opening)
        if self._reader is not None:
            self._compare(network, self._reader)

    def _read_from(self, opening: SocketOpening) -> None:
        self._opening = None
        self.pause()
        try:
            self._reader = RetainedReader(
                self._address,
                self._client_id,
                opening.take(),
                subscriptions=[*self._retained.filters, self._mark.topic],
                mark=self._mark,
                on_message=self._arrived.append,
            )
        except (OSError, ValueError) as error:
            self._retry_later(str(error))
        else:
            self._watch()

    def _compare(self, network: Network, reader: RetainedReader) -> None:
        reader.read(_MESSAGES_A_TURN)
        arrived = list(self._arrived)
        self._retained.prepare(network, arrived)  # if the network cannot be read now, then next time
        for message in arrived:
            if message.topic != self._mark.topic:
                self._retained.compare(network, message)
            elif self._retained.end_reconciliation(network, message.payload):
                self.end()
                return
        del self._arrived[: len(arrived)]
        if reader.broken is not None:
            self._give_up(reader)

    def _give_up(self, reader: RetainedReader) -> None:
        """An account without the right to read what is not needed either has nothing to compare."""
        if reader.refused and not self._retained.needed:
            self.end()
        else:
            remedy = " (does `recharge accounts refresh` help?)" if reader.refused else ""
            self._retry_later(f"the broker {reader.broken}{remedy}")

    def _retry_later(self, reason: str) -> None:
        log.warning("what is retained cannot be read, next attempt in %g s: %s", RETRY_SECONDS, reason)
        self.end()
        self._retry_at = time.monotonic() + RETRY_SECONDS

    def pause(self) -> None:
        """Leaves what the broker sends until the next turn: the network cannot be read now."""
        if self._watched is not None:
            self._waiting.unwatch(self._watched)
            self._watched = None

    def end(self) -> None:
        """Stops comparing."""
        self.pause()
        self._retry_at = None
        self._arrived.clear()
        if self._opening is not None:
            self._opening.abandon()
            self._opening = None
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _watch(self) -> None:
        source = self._opening or self._reader
        if self._watched is None and source is not None:
            self._watched = source.descriptor
            self._waiting.watch(self._watched)
