"""Reads what the broker has retained, over a connection of its own.

A broker hands a new subscription all that it has retained, and what comes later waits behind it. Half a
million messages on the service's own connection held up everybody's requests for a quarter of a minute.
"""

import logging
import select
import socket
from collections.abc import Callable, Sequence
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.paho_client import build_client, open_connection, to_properties
from cloud_service.protocol.messages import Message

log = logging.getLogger(__name__)


class RetainedReader:
    """Gives all retained messages of its subscriptions to `on_message`, a few at a time, and then the mark.

    The mark is published on a topic of the subscriptions, behind all that was retained. What is published
    meanwhile comes too. Raises OSError where the broker is not reached.
    """

    def __init__(
        self,
        address: BrokerAddress,
        client_id: str,
        *,
        subscriptions: Sequence[str],
        mark: Message,
        on_message: Callable[[Message], None],
    ) -> None:
        self.broken: str | None = None
        """Why nothing more will come."""
        self._subscriptions = subscriptions
        self._mark = mark
        self._client = build_client(address, client_id)
        self._client.on_connect = self._connected
        self._client.on_subscribe = self._subscribed
        self._client.on_disconnect = self._disconnected
        self._client.on_publish_packet = lambda publish: on_message(publish.message)
        open_connection(self._client, address)
        connection = self._client.socket()
        assert isinstance(connection, socket.socket)
        self.descriptor = connection.fileno()
        """Can be read when there is something to do."""
        self._poll = select.poll()
        self._poll.register(self.descriptor, select.POLLIN)

    @property
    def holds_bytes(self) -> bool:
        """Whether there is something to do that the descriptor does not tell of."""
        return self._client.holds_bytes

    def read(self, most: int) -> None:
        """Hands over so many messages at most, without waiting for any."""
        for _ in range(most):
            if self.broken is not None or not (self.holds_bytes or self._poll.poll(0)):
                break
            self._client.loop_read()
        if self.broken is None:
            self._client.loop_misc()
        if self._client.want_write():  # what was published in a callback
            self._client.loop_write()

    def close(self) -> None:
        self.broken = self.broken or "closed"
        self._client.disconnect()

    def _connected(
        self,
        _client: Client,
        _data: Any,
        _flags: ConnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        if reason.is_failure:
            self.broken = f"the login was refused: {reason}"
            return
        options = SubscribeOptions(qos=0, retainAsPublished=True)
        self._client.subscribe([(topic, options) for topic in self._subscriptions])

    def _subscribed(
        self, _client: Client, _data: Any, _number: int, codes: list[ReasonCode], _properties: Properties
    ) -> None:
        refused = [str(code) for code in codes if code.is_failure]
        if refused:
            self.broken = f"a subscription was refused: {refused[0]}"
            return
        mark = self._mark
        self._client.publish(mark.topic, mark.payload, mark.qos, mark.retain, to_properties(mark))

    def _disconnected(
        self,
        _client: Client,
        _data: Any,
        _flags: DisconnectFlags,
        reason: ReasonCode,
        _properties: Properties | None,
    ) -> None:
        self.broken = self.broken or f"the connection ended: {reason}"
