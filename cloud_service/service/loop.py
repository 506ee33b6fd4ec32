"""The service's loop: it receives, has the engine decide and write, and only then replies."""

import logging
import time
from collections.abc import Sequence
from datetime import datetime
from typing import Final

from cloud_service import __version__
from cloud_service.accounts.audit_log import AuditLog
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.session import Delivery
from cloud_service.protocol import topics
from cloud_service.protocol.errors import BadRequest
from cloud_service.protocol.messages import Message
from cloud_service.protocol.presence import client_presence, process_presence, read_presence
from cloud_service.protocol.roles import SERVICE
from cloud_service.service.broker import Broker
from cloud_service.service.brokers import Arrival, Brokers
from cloud_service.service.client_presence import ClientPresence
from cloud_service.service.clock import Clock, Pace
from cloud_service.service.engine.answers import BatchResult
from cloud_service.service.engine.interface import NetworkEngine
from cloud_service.service.engine.network_time import NetworkTime, Reading
from cloud_service.service.event_publisher import EventPublisher
from cloud_service.service.measurements import INTERVAL_SECONDS, Measurements
from cloud_service.service.membership import ALONE, Membership
from cloud_service.service.request_audit import RequestAudit
from cloud_service.service.request_log import log_answers
from cloud_service.service.spoken_for import SpokenFor
from cloud_service.service.stop_signal import StopSignal

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.2
"""The longest wait for something to do: time passes in the network too."""
HEARTBEAT_SECONDS: Final = 5.0
"""Between two messages on the service's presence topic. A client with a wrong clock learns of it from them
before its request ends without a reply."""
CONTRADICTION_SECONDS: Final = 0.25
"""The least between two of them, when another service has said on this topic that it is offline."""
LAST_ANSWERS_SECONDS: Final = 1.5
"""For answering what was taken in before the service stops: stopping takes a few seconds at most."""
GOODBYE_SECONDS: Final = 2.0
"""For the broker to acknowledge everything before the service stops."""
_OWN_TOPIC: Final = topics.service(SERVICE)
_REPLIES: Final = topics.reply(SERVICE) + "/"
"""The session of an earlier version is still subscribed to it."""
_OLD_MARKS: Final = tuple(f"{topics.reply(SERVICE)}/{name}" for name in ("running", "compared"))
"""Earlier versions retained messages to themselves there. Nothing may be retained below `reply/`."""


class ServiceLoop:
    """Drives the engine with a clock and connections to the brokers. `start` is the reading of the clock at
    the start, and `pace` says how time passes in the network.

    Raises OSError if a certificate file cannot be used.
    """

    def __init__(
        self,
        engine: NetworkEngine,
        brokers: Sequence[BrokerAddress],
        audit_log: AuditLog,
        clock: Clock,
        start: Reading,
        measurements: Measurements,
        *,
        membership: Membership = ALONE,
        pace: Pace,
        home_assistant: bool,
    ) -> None:
        self._engine = engine
        self._membership = membership
        self._pace = pace
        self._clock = clock
        self._time = NetworkTime(start)
        self._since = start.wall
        self._audit_log = audit_log
        self._measurements = measurements
        self._next_figures = 0.0
        self._audit = RequestAudit(audit_log)
        self._presence_of_clients = ClientPresence()
        self._spoken_for = SpokenFor()
        self._next_heartbeat = 0.0
        self._arrival: float | None = None
        """The Unix time at which the requests arrived that are being read."""
        self._brokers = Brokers(
            brokers,
            membership,
            will=self._presence(online=False),
            since=self._since,
            home_assistant=home_assistant,
            on_message=self._received,
            on_ready=self._ready,
            on_acknowledged=engine.acknowledged,
            on_absent=self._forget_presence,
            compares=lambda: engine.leads,
        )
        self._events = EventPublisher(engine, self._brokers)

    def run(self, stop: StopSignal) -> int:
        """Runs until asked to stop, or until a second service is found. Returns the exit status.

        Raises OSError or StoreError if the last checkpoint fails.
        """
        self._audit_log.record("serviceStarted", self._since, version=__version__)
        self._brokers.watch(stop.descriptor)
        while not stop.received and not self._is_second:
            may_work = len(self._engine) and not self._is_behind
            busy = self._brokers.has_work or self._events.has_work or may_work
            self._brokers.poll(0 if busy else POLL_SECONDS)
            self._turn()
        log.info("stopping")
        self._shut_down()
        place = "database" if self._membership.shared else "data folder"
        log.info("stopped; all of the network is in the %s", place)
        return int(self._is_second)

    def _turn(self) -> None:
        self._arrival = None
        self._engine.note_hearing(all_brokers=self._brokers.all_heard)
        if not self._is_behind:
            self._send(self._engine.work(self._network_now(), self._now(), self._collect))
        self._events.turn()
        self._engine.maintain(self._network_now())
        now = self._network_now()
        if not self._engine.show(lambda network: self._brokers.turn(network, now)):
            self._brokers.pause()
        self._beat()
        self._measure()

    @property
    def _is_behind(self) -> bool:
        return self._brokers.is_behind or self._events.is_behind

    @property
    def _is_second(self) -> bool:
        return not self._membership.shared and self._brokers.has_second_service

    def _send(self, result: BatchResult) -> None:
        """Sends replies, and only then acknowledges: a crash in between loses nothing."""
        for answer in result.answers:
            if answer.reply is not None:
                self._brokers.reply(answer.delivery, answer.reply)
        for answer in result.answers:
            self._brokers.acknowledge(answer.delivery)
        self._brokers.flush()
        now = self._now()
        log_answers(result.answers, now)
        for answer in result.answers:
            self._audit.note(answer, now)
        self._measurements.note(result, now)
        for changes in (*result.changes, *result.told_again):
            self._brokers.note(changes)
        if result.reloaded:
            self._brokers.compare()

    def _shut_down(self) -> None:
        """Answers what was taken in, says goodbye, and has the engine write its files.

        Requests that it has no time for stay unacknowledged. The broker delivers them at the next start.
        """
        end = time.monotonic() + LAST_ANSWERS_SECONDS
        if self._membership.shared:
            self._leave(end)
        while len(self._engine) and time.monotonic() < end:
            if self._is_behind or self._is_second:
                break
            self._turn()
        self._brokers.close(self._presence(online=False), GOODBYE_SECONDS)
        self._engine.close(self._network_now())
        self._audit.close(self._now())
        self._audit_log.record("serviceStopped", self._now())

    def _leave(self, end: float) -> None:
        """Leaves the others, and takes in what was already on its way to this service."""
        self._brokers.leave(self._presence(online=True))
        while not self._brokers.have_everything and time.monotonic() < end:
            self._brokers.poll(POLL_SECONDS)
            self._turn()

    def _received(self, broker: Broker, message: Message, delivery: Delivery) -> None:
        if message.topic.startswith(topics.REQUESTS):
            self._take_in(broker, message, delivery)
        elif message.topic == _OWN_TOPIC:
            self._note_service(broker, message.payload)
        elif message.topic.startswith(_REPLIES):
            broker.connection.acknowledge(delivery)
        elif (client := topics.parse_presence(message.topic)) is not None:
            self._note_presence(client, broker, message)
            broker.connection.acknowledge(delivery)
        elif (name := topics.parse_service(message.topic)) is not None:
            online = _is_online(message.payload)
            self._spoken_for.note_process(broker, name, time.monotonic(), online=online)
            broker.connection.acknowledge(delivery)
        else:
            self._take_in(broker, message, delivery)

    def _take_in(self, broker: Broker, message: Message, delivery: Delivery) -> None:
        """All that is read in one go arrived before the first of it was read."""
        if self._arrival is None:
            self._arrival = self._now().timestamp()
        self._engine.take_in(message, Arrival(broker, delivery), self._arrival)

    def _collect(self) -> None:
        """Takes in what has arrived while the engine waited for another service."""
        self._brokers.poll(0)
        self._arrival = None

    def _note_service(self, broker: Broker, payload: bytes) -> None:
        """Services that share the requests share the topic: while one of them lives, it says so."""
        if not self._membership.shared:
            broker.second_service.receive(payload, self._clock().wall)
        elif not _is_online(payload):
            soon = self._next_heartbeat - HEARTBEAT_SECONDS + CONTRADICTION_SECONDS
            self._next_heartbeat = min(self._next_heartbeat, soon)

    def _note_presence(self, client: str, broker: Broker, message: Message) -> None:
        """Without a presence topic, which an empty payload clears, nobody knows that a charger is offline."""
        self._spoken_for.note_client(broker, client, None)
        if not message.payload:
            if self._presence_of_clients.clear(client, broker):
                self._engine.note_presence(client, True, self._network_now())
            return
        try:
            presence = read_presence(message.payload)
        except BadRequest as error:
            log.warning("the presence of %s is ignored: %s", client, error)
            return
        if presence.online:
            self._spoken_for.note_client(broker, client, presence.through)
        news = self._presence_of_clients.note(client, broker, online=presence.online, retained=message.retain)
        if news is not None:
            self._engine.note_presence(client, news, self._network_now())

    def _forget_presence(self, broker: Broker) -> None:
        for client in self._presence_of_clients.forget(broker):
            self._engine.note_presence(client, False, self._network_now())

    def _tell_left(self) -> None:
        """Speaks for those for whom nobody speaks any more."""
        for broker in self._brokers.connected:
            for client in self._spoken_for.take_left(broker, time.monotonic()):
                broker.connection.publish(client_presence(client, online=False))

    def _ready(self, broker: Broker) -> None:
        connection = broker.connection
        self._spoken_for.connected(broker)
        broker.second_service.connected()
        connection.subscribe(topics.service("+"))
        connection.subscribe(topics.presence("+"))
        connection.publish(self._presence(online=True))
        for topic in _OLD_MARKS:
            connection.publish(Message(topic, b"", retain=True))

    def _beat(self) -> None:
        if time.monotonic() >= self._next_heartbeat:
            self._next_heartbeat = time.monotonic() + HEARTBEAT_SECONDS
            self._audit.flush(self._now())
            self._brokers.announce(self._presence(online=True))
            self._tell_left()

    def _measure(self) -> None:
        if time.monotonic() >= self._next_figures:
            self._next_figures = time.monotonic() + INTERVAL_SECONDS
            now, network_now = self._now(), self._network_now()
            self._measurements.take(self._engine, self._brokers.links, now, network_now)

    def _presence(self, *, online: bool) -> Message:
        errors = self._measurements.errors.in_last_hour(self._clock().wall.timestamp())
        return process_presence(
            SERVICE,
            online=online,
            since=self._since,
            now=self._now(),
            errors=errors,
            clock_speed=self._pace.speed,
            out_of_order_after=self._engine.rules.offline,
            clock_since=self._pace.since,
        )

    def _now(self) -> datetime:
        return self._time.at(self._clock())

    def _network_now(self) -> datetime:
        return self._pace.at(self._now())


def _is_online(payload: bytes) -> bool:
    try:
        return read_presence(payload).online
    except BadRequest:
        return False
