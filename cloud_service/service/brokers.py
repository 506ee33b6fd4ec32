"""All brokers of the service: requests come from each, and state and events go to all.

A reply goes where its request came from. A broker that is away, or hangs, does not hold up the others
(docs/decisions/0017-several-brokers.md).
"""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from cloud_service.core.changes import Changes
from cloud_service.core.network import Network
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.poller import Poller
from cloud_service.mqtt.session import Delivery
from cloud_service.protocol.messages import Message
from cloud_service.service.broker import Broker, Callbacks
from cloud_service.service.broker_progress import ABSENT_SECONDS
from cloud_service.service.membership import Membership

log = logging.getLogger(__name__)

MAX_OUTSTANDING_BYTES: Final = 32 * 2**20
"""While a broker has this much to acknowledge, requests wait: large replies must not fill the memory."""
MAX_OUTSTANDING_EVENTS: Final = 2_000
"""While a broker has this many messages about events to acknowledge, further ones wait."""


class Arrival(Struct, frozen=True, eq=False):
    """A message that arrived, and the broker to which the reply has to go."""

    broker: Broker
    delivery: Delivery


class Links(Struct, frozen=True):
    """The figures of all connections together."""

    connected: bool
    """Whether all brokers are connected."""
    reconnects: int
    outstanding: int
    stale: int


class _Told(Struct, eq=False):
    """An event's message on its way to several brokers."""

    receipt: Any
    brokers: int
    """How many have not acknowledged it."""


class Brokers:
    """Drives the connections to all brokers.

    `on_acknowledged` receives the receipt of each event's message once all brokers that are waited for have
    it. `on_absent` is told of a broker that is not waited for any more. One is always waited for. `compares`
    says whether this service compares what is retained with the network, and not another one.
    """

    def __init__(
        self,
        addresses: Sequence[BrokerAddress],
        membership: Membership,
        *,
        will: Message,
        since: datetime,
        home_assistant: bool,
        on_message: Callable[[Broker, Message, Delivery], None],
        on_ready: Callable[[Broker], None],
        on_acknowledged: Callable[[Any], None],
        on_absent: Callable[[Broker], None],
        compares: Callable[[], bool] = lambda: True,
    ) -> None:
        self._poller = Poller()
        self._on_ready = on_ready
        self._on_acknowledged = on_acknowledged
        self._on_absent = on_absent
        self._compares = compares
        self._shared = membership.shared
        callbacks = Callbacks(on_message, self._published, self._became_ready)
        now = time.monotonic()
        self._all = [
            Broker(
                address,
                membership,
                self._poller,
                callbacks,
                will=will,
                since=since,
                home_assistant=home_assistant,
                now=now,
            )
            for address in addresses
        ]
        self._closing = False
        self._heeded = self._all
        """Those that keep up; all of them if none does."""

    # Waiting, and what happens meanwhile.

    def watch(self, descriptor: int) -> None:
        """Makes `poll` return early when this descriptor can be read."""
        self._poller.watch(descriptor)

    def poll(self, timeout: float) -> None:
        """Waits at most `timeout` seconds for something to do, and does it."""
        self._poller.poll(timeout)
        self._heed(time.monotonic())

    def turn(self, network: Network, now: datetime) -> None:
        """Lets retained messages follow the network."""
        for broker in self._all:
            broker.turn(network, now)

    def pause(self) -> None:
        """Waits until the network can be read again."""
        for broker in self._all:
            broker.pause_comparison()

    def flush(self) -> None:
        """Sends what was published and acknowledged, as far as the sockets accept it."""
        self._poller.flush()

    def leave(self, last: Message) -> None:
        """Gives up this service's share of the requests, and publishes a message.

        A broker handles packets in their order. When it has acknowledged the message, it sends no request any
        more.
        """
        for broker in self._all:
            broker.connection.unsubscribe()
        self.announce(last)

    def close(self, goodbye: Message, seconds: float) -> None:
        """Publishes the goodbye last and disconnects, once the brokers have everything or the time is up."""
        self._closing = True
        for broker in self._all:
            broker.end_comparison()
        self._poller.close(goodbye, seconds)

    # What the service says.

    def reply(self, arrival: Arrival, message: Message) -> None:
        """Replies where the request came from. A broker that comes back after long delivers it again."""
        if arrival.broker.waited_for:
            arrival.broker.connection.publish(message)

    def acknowledge(self, arrival: Arrival) -> None:
        """The message has been dealt with."""
        arrival.broker.connection.acknowledge(arrival.delivery)

    def tell(self, event: Message, receipt: Any) -> None:
        """Publishes an event's message to all brokers that are waited for."""
        receivers = [broker for broker in self._all if broker.waited_for]
        told = _Told(receipt, len(receivers))
        for broker in receivers:
            broker.unacknowledged_events += 1
            broker.connection.publish(event, told)

    @property
    def connected(self) -> list[Broker]:
        """The brokers that take messages now."""
        return [broker for broker in self._all if broker.connection.ready]

    def announce(self, message: Message) -> None:
        """Publishes a message to the brokers that are connected."""
        for broker in self.connected:
            broker.connection.publish(message)

    def note(self, changes: Changes) -> None:
        """Marks the retained messages that these changes affect."""
        for broker in self._all:
            for retained in broker.retained:
                retained.note(changes)

    def compare(self) -> None:
        """Begins to compare what all brokers have retained with the network."""
        for broker in self._all:
            self._compare(broker)

    def _compare(self, broker: Broker) -> None:
        if self._compares():
            broker.compare()
        else:
            broker.trust()

    # How they are.

    @property
    def has_work(self) -> bool:
        """Whether `turn` has something to do that no descriptor shows."""
        return any(broker.has_work for broker in self._all)

    @property
    def is_behind(self) -> bool:
        """Whether a broker that keeps up, or any if none does, has too much to acknowledge."""
        return any(broker.connection.outstanding_bytes >= MAX_OUTSTANDING_BYTES for broker in self._heeded)

    @property
    def room_for_events(self) -> int:
        """How many more messages about events the brokers may be sent now."""
        most = max(broker.unacknowledged_events for broker in self._heeded)
        return MAX_OUTSTANDING_EVENTS - most

    @property
    def have_everything(self) -> bool:
        """Whether the brokers that are connected have acknowledged all messages."""
        return not any(each.connection.ready and each.connection.outstanding for each in self._all)

    @property
    def has_second_service(self) -> bool:
        """Whether this service is the younger of two that do not share their requests."""
        return any(broker.second_service.is_second for broker in self._all)

    @property
    def all_heard(self) -> bool:
        """Whether no broker has been away for long: of clients at one that has, others may know more."""
        now = time.monotonic()
        return all(each.waited_for and not each.progress.is_absent(now) for each in self._all)

    @property
    def links(self) -> Links:
        connections = [broker.connection for broker in self._all]
        return Links(
            connected=all(connection.ready for connection in connections),
            reconnects=sum(max(connection.logins - 1, 0) for connection in connections),
            outstanding=sum(connection.outstanding for connection in connections),
            stale=sum(len(broker.state) for broker in self._all),
        )

    # What the brokers say.

    def _became_ready(self, broker: Broker) -> None:
        broker.waited_for = True
        broker.progress.note()
        if self._shared:
            broker.withdraw_old_state()
        self._on_ready(broker)
        if not self._closing:
            self._compare(broker)

    def _published(self, broker: Broker, told: _Told) -> None:
        broker.unacknowledged_events -= 1
        told.brokers -= 1
        if not told.brokers:
            self._on_acknowledged(told.receipt)

    def _heed(self, now: float) -> None:
        """Finds out which brokers keep up, and gives up those that are absent while others do."""
        for broker in self._all:
            connection = broker.connection
            if connection.take_acknowledged():
                broker.progress.note()
            broker.progress.look(now, ready=connection.ready, outstanding=connection.outstanding)
        keeping_up = [broker for broker in self._all if broker.progress.keeps_up]
        self._heeded = keeping_up or self._all
        for broker in self._all:
            if not keeping_up or broker.progress.keeps_up or not broker.waited_for:
                continue
            if broker.progress.is_absent(now):
                self._give_up(broker, f"has acknowledged nothing for {ABSENT_SECONDS:g} s")
            elif broker.connection.outstanding_bytes >= MAX_OUTSTANDING_BYTES:
                self._give_up(broker, f"does not acknowledge {MAX_OUTSTANDING_BYTES >> 20} MiB")

    def _give_up(self, broker: Broker, reason: str) -> None:
        log.warning("the broker %s %s: until it is back, nothing is kept for it", broker.address, reason)
        broker.waited_for = False
        for told in broker.connection.give_up():
            self._published(broker, told)
        self._on_absent(broker)
