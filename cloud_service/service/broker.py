"""One of the service's brokers: the connection to it, and the retained messages that it has."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from msgspec import Struct

from cloud_service.core.network import Network
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.poller import Poller
from cloud_service.mqtt.polling_connection import PollingConnection
from cloud_service.mqtt.session import Delivery
from cloud_service.protocol.messages import Message
from cloud_service.protocol.roles import SERVICE
from cloud_service.service.broker_progress import Progress
from cloud_service.service.home_assistant import HomeAssistantTopics
from cloud_service.service.membership import Membership
from cloud_service.service.reconciliation import Reconciliation
from cloud_service.service.retained_state import RetainedState
from cloud_service.service.second_service import SecondServiceCheck
from cloud_service.service.state_publisher import StatePublisher


class Callbacks(Struct, frozen=True):
    """What a broker calls: for a message that arrived, for one that it has, and when it is connected.

    `on_published` receives the receipt, unless it is None.
    """

    on_message: Callable[["Broker", Message, Delivery], None]
    on_published: Callable[["Broker", Any], None]
    on_ready: Callable[["Broker"], None]


class Broker:
    """A broker as the service uses it. `now` is a reading of the clock of its progress.

    Raises OSError if a certificate file cannot be used.
    """

    def __init__(
        self,
        address: BrokerAddress,
        membership: Membership,
        poller: Poller,
        callbacks: Callbacks,
        *,
        will: Message,
        since: datetime,
        home_assistant: bool,
        now: float,
    ) -> None:
        self.address = address
        self.progress = Progress(now)
        self.waited_for = True
        """Whether it gets events and replies. If not, it was away for long."""
        self.unacknowledged_events = 0
        """Messages about events that it was sent."""
        self.second_service = SecondServiceCheck(since)
        self.state = RetainedState()
        self.retained = (self.state, HomeAssistantTopics(switched_on=home_assistant))
        self.connection = PollingConnection(
            address,
            membership.client_id,
            poller,
            session_expiry=membership.session_expiry,
            subscriptions=membership.subscriptions,
            will=will,
            on_message=partial(callbacks.on_message, self),
            on_published=partial(callbacks.on_published, self),
            on_ready=partial(callbacks.on_ready, self),
        )
        self._state_publisher = StatePublisher(self.retained, self.connection)
        self._reconciliations = [
            Reconciliation(address, SERVICE, membership.client_id, retained, self.connection, poller)
            for retained in self.retained
        ]

    @property
    def has_work(self) -> bool:
        """Whether `turn` has something to do that no descriptor shows."""
        return any(reconciliation.has_work for reconciliation in self._reconciliations)

    def compare(self) -> None:
        """Begins to compare what the broker has retained with the network."""
        for reconciliation in self._reconciliations:
            reconciliation.begin()

    def trust(self) -> None:
        """Takes what the broker has retained for right, because another service compares it."""
        for retained in self.retained:
            retained.trust()

    def withdraw_old_state(self) -> None:
        """Takes back retained messages from before this connection: others may have sent newer ones."""
        for message in self.connection.withdraw_retained():
            for retained in self.retained:
                retained.note_withdrawn(message)

    def end_comparison(self) -> None:
        """Stops comparing."""
        for reconciliation in self._reconciliations:
            reconciliation.end()

    def pause_comparison(self) -> None:
        """Waits with the rest of it until the network can be read again."""
        for reconciliation in self._reconciliations:
            reconciliation.pause()

    def turn(self, network: Network, now: datetime) -> None:
        """Compares a little, and publishes a round of retained messages if one is due."""
        for reconciliation in self._reconciliations:
            reconciliation.turn(network)
        self._state_publisher.turn(network, now)
