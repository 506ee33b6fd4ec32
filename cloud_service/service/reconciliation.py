"""Comparing what the broker has retained with the network, beside the requests and never before them."""

import logging
import time
from secrets import token_hex
from typing import Final

from cloud_service.core.network import Network
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.polling_connection import PollingConnection
from cloud_service.mqtt.retained_reader import RetainedReader
from cloud_service.protocol import topics
from cloud_service.protocol.messages import Message
from cloud_service.service.retained_state import RetainedState

log = logging.getLogger(__name__)

RETRY_AFTER: Final = 5.0
"""Seconds."""
_AT_ONCE: Final = 200
"""Messages; so many take a few milliseconds, and then requests have their turn."""


class Reconciliation:
    """Where the broker or the service was started anew, what is retained may be untrue: `begin` finds out.

    `name` is the service's; what it retains is read by a connection of this name and `-state`.
    """

    def __init__(
        self, address: BrokerAddress, name: str, state: RetainedState, link: PollingConnection
    ) -> None:
        self._address = address
        self._name = name
        self._state = state
        self._connection = link
        self._mark_topic = f"{topics.reply(name)}/compared"
        self._reader: RetainedReader | None = None
        self._arrived: list[Message] = []
        self._again_at: float | None = None

    @property
    def waits(self) -> bool:
        """Whether there is something to do that no descriptor tells of."""
        return self._reader is not None and self._reader.holds_packet

    def begin(self) -> None:
        """Begins anew, whatever was under way. Without a connection it is begun by the next one."""
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
            self._try_later(str(error))
        else:
            self._connection.watch(self._reader.descriptor)

    def turn(self, network: Network) -> None:
        """Compares a few messages more."""
        if self._again_at is not None and time.monotonic() >= self._again_at and self._connection.ready:
            self.begin()
        if self._reader is None:
            return
        self._reader.read(_AT_ONCE)
        arrived, self._arrived[:] = list(self._arrived), []
        for message in arrived:
            if message.topic != self._mark_topic:
                self._state.compare(network, message)
            elif self._state.end_reconciliation(network, message.payload):
                self._end()
                return
        if self._reader.broken is not None:
            self._try_later(self._reader.broken)

    def _try_later(self, reason: str) -> None:
        log.warning("what the broker has retained cannot be read, next try in %g s: %s", RETRY_AFTER, reason)
        self._end()
        self._again_at = time.monotonic() + RETRY_AFTER

    def _end(self) -> None:
        self._again_at = None
        self._arrived.clear()
        if self._reader is not None:
            self._connection.unwatch(self._reader.descriptor)
            self._reader.close()
            self._reader = None
