"""Reads what the broker has retained, over a connection of its own.

A broker sends a new subscription everything that it has retained, and later messages wait behind that. Half a
million retained messages on the service's own connection delayed all requests by a quarter of a minute.
"""

import socket
import time
from collections.abc import Callable, Sequence

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.control_packets import Subscription
from cloud_service.mqtt.session import Loss, Session
from cloud_service.protocol.messages import Message


class RetainedReader:
    """Passes the retained messages of its subscriptions to `on_message`, a few at a time, and then the mark.

    The mark is published on a topic of the subscriptions, behind everything that was retained. Messages that
    are published meanwhile are passed on too. `connection` is a new, non-blocking socket to the broker.
    """

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        connection: socket.socket,
        *,
        subscriptions: Sequence[str],
        mark: Message,
        on_message: Callable[[Message], None],
    ) -> None:
        self.broken: str | None = None
        """Why nothing more will come, as the predicate of "The broker ..."."""
        self.refused = False
        """Whether the broker has refused the login or a subscription."""
        self._mark = mark
        self._session: Session[None] = Session(
            address,
            client_id,
            subscriptions=[Subscription(topic, qos=0, keep_retain_flag=True) for topic in subscriptions],
            window=1,
            on_message=lambda message, _delivery: on_message(message),
            on_published=lambda _receipt, _error: None,
            on_ready=self._ready,
            on_lost=self._lost,
        )
        self._session.begin(connection, will=None, now=time.monotonic())
        self._session.write()
        self.descriptor = self._session.descriptor
        """Readable when there is something to do."""

    @property
    def holds_packet(self) -> bool:
        """Whether there is something to do although the descriptor may not be readable."""
        return self._session.holds_packet

    def read(self, limit: int) -> None:
        """Passes on at most `limit` messages, without waiting for any."""
        self._session.read(limit)
        self._session.tick(time.monotonic())
        self._session.write()

    def close(self) -> None:
        self._session.end()
        self._session.drop()

    def _ready(self) -> None:
        self._session.publish(self._mark, None)

    def _lost(self, loss: Loss) -> None:
        self.broken = loss.reason
        self.refused = loss.cause == "refused"
