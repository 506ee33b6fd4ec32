"""The service's loop: it receives, has the engine decide and write, and only then replies."""

import logging
import time
from datetime import datetime
from typing import Any, Final

from cloud_service import __version__
from cloud_service.accounts.audit_log import AuditLog
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.polling_connection import PollingConnection
from cloud_service.mqtt.session import Delivery
from cloud_service.protocol import topics
from cloud_service.protocol.actions import ACTIONS, request_topics
from cloud_service.protocol.errors import BadRequest
from cloud_service.protocol.messages import Message
from cloud_service.protocol.presence import process_presence, read_presence
from cloud_service.protocol.roles import SERVICE
from cloud_service.service.clock import Clock, Pace
from cloud_service.service.engine.answers import BatchResult
from cloud_service.service.engine.engine import Engine
from cloud_service.service.engine.network_time import NetworkTime, Reading
from cloud_service.service.event_publisher import EventPublisher
from cloud_service.service.home_assistant import HomeAssistantTopics
from cloud_service.service.measurements import INTERVAL_SECONDS, Measurements
from cloud_service.service.reconciliation import Reconciliation
from cloud_service.service.request_audit import RequestAudit
from cloud_service.service.request_log import log_answer
from cloud_service.service.retained_state import RetainedState
from cloud_service.service.second_service import SecondServiceCheck
from cloud_service.service.state_publisher import StatePublisher
from cloud_service.service.stop_signal import StopSignal

log = logging.getLogger(__name__)

POLL_SECONDS: Final = 0.2
"""The longest wait for something to do: time passes in the network too."""
HEARTBEAT_SECONDS: Final = 5.0
"""Between two messages on the service's presence topic. A client with a wrong clock learns of it from them
before its request ends without a reply."""
LAST_ANSWERS_SECONDS: Final = 1.5
"""For answering what was taken in before the service stops: stopping takes a few seconds at most."""
GOODBYE_SECONDS: Final = 2.0
"""For the broker to acknowledge everything before the service stops."""
MAX_OUTSTANDING_BYTES: Final = 32 * 2**20
"""While the broker has this much to acknowledge, requests wait: large replies must not fill the memory."""
_OWN_TOPIC: Final = topics.service(SERVICE)
_REPLIES: Final = topics.reply(SERVICE) + "/"
"""The session of an earlier version is still subscribed to it."""
_OLD_MARKS: Final = tuple(f"{topics.reply(SERVICE)}/{name}" for name in ("running", "compared"))
"""Earlier versions retained messages to themselves there. Nothing may be retained below `reply/`."""


class ServiceLoop:
    """Drives the engine with a clock and a connection. `start` is the reading of the clock at the start, and
    `speed` says how many times as fast time passes in the network.

    Raises OSError if a certificate file cannot be used.
    """

    def __init__(
        self,
        engine: Engine,
        broker: BrokerAddress,
        audit_log: AuditLog,
        clock: Clock,
        start: Reading,
        measurements: Measurements,
        *,
        speed: float = 1.0,
        home_assistant: bool,
    ) -> None:
        self._engine = engine
        self._pace = Pace(start.wall, speed)
        self._clock = clock
        self._time = NetworkTime(start)
        self._since = start.wall
        self._audit_log = audit_log
        self._measurements = measurements
        self._next_figures = 0.0
        self._audit = RequestAudit(audit_log)
        self._second_service = SecondServiceCheck(start.wall)
        self._state = RetainedState()
        self._retained = (self._state, HomeAssistantTopics(switched_on=home_assistant))
        self._next_heartbeat = 0.0
        self._connection = PollingConnection(
            broker,
            SERVICE,
            subscriptions=request_topics(ACTIONS),
            will=self._presence(online=False),
            on_message=self._received,
            on_published=self._published,
            on_ready=self._ready,
        )
        self._events = EventPublisher(engine, self._connection)
        self._state_publisher = StatePublisher(self._retained, self._connection)
        self._reconciliations = [
            Reconciliation(broker, SERVICE, retained, self._connection) for retained in self._retained
        ]

    def run(self, stop: StopSignal) -> int:
        """Runs until asked to stop, or until a second service is found. Returns the exit status.

        Raises OSError or StoreError if the last checkpoint fails.
        """
        self._audit_log.record("serviceStarted", self._since, version=__version__)
        self._connection.watch(stop.descriptor)
        while not stop.received and not self._second_service.is_second:
            may_work = len(self._engine) and not self._broker_is_behind
            comparing = any(reconciliation.has_work for reconciliation in self._reconciliations)
            busy = comparing or self._events.has_work or may_work
            self._connection.poll(0 if busy else POLL_SECONDS)
            self._turn()
        log.info("stopping")
        self._shut_down()
        log.info("stopped; all of the network is in the data folder")
        return int(self._second_service.is_second)

    def _turn(self) -> None:
        if not self._broker_is_behind:
            self._send(self._engine.work(self._network_now(), self._now()))
        self._events.turn()
        self._engine.maintain(self._network_now())
        for reconciliation in self._reconciliations:
            reconciliation.turn(self._engine.network)
        self._state_publisher.turn(self._engine.network, self._network_now())
        self._beat()
        self._measure()

    @property
    def _broker_is_behind(self) -> bool:
        return self._connection.outstanding_bytes >= MAX_OUTSTANDING_BYTES or self._events.is_behind

    def _send(self, result: BatchResult) -> None:
        """Sends replies, and only then acknowledges: a crash in between loses nothing."""
        for answer in result.answers:
            if answer.reply is not None:
                self._connection.publish(answer.reply)
        for answer in result.answers:
            self._connection.acknowledge(answer.delivery)
        self._connection.flush()
        now = self._now()
        for answer in result.answers:
            log_answer(answer, now)
            self._audit.note(answer, now)
        self._measurements.note(result, now)
        for changes in result.changes:
            for retained in self._retained:
                retained.note(changes)
        if result.reloaded:
            self._compare()

    def _shut_down(self) -> None:
        """Answers what was taken in, says goodbye, and has the engine write its files.

        Requests that it has no time for stay unacknowledged. The broker delivers them at the next start.
        """
        end = time.monotonic() + LAST_ANSWERS_SECONDS
        while len(self._engine) and time.monotonic() < end:
            if self._broker_is_behind or self._second_service.is_second:
                break
            self._turn()
        self._connection.close(self._presence(online=False), GOODBYE_SECONDS)
        self._engine.close(self._network_now())
        self._audit.close(self._now())
        self._audit_log.record("serviceStopped", self._now())

    def _received(self, message: Message, delivery: Delivery) -> None:
        if message.topic == _OWN_TOPIC:
            self._second_service.receive(message.payload, self._clock().wall)
        elif message.topic.startswith(_REPLIES):
            self._connection.acknowledge(delivery)
        elif (client := topics.parse_presence(message.topic)) is not None:
            self._note_presence(client, message.payload)
            self._connection.acknowledge(delivery)
        else:
            self._engine.take_in(message, delivery, self._now().timestamp())

    def _note_presence(self, client: str, payload: bytes) -> None:
        """Without a presence topic, which an empty payload clears, nobody knows that a charger is offline."""
        try:
            online = not payload or read_presence(payload).online
        except BadRequest as error:
            log.warning("the presence of %s is ignored: %s", client, error)
        else:
            self._engine.note_presence(client, online, self._network_now())

    def _published(self, receipt: Any) -> None:
        if receipt is not None:
            self._events.acknowledged(receipt)

    def _ready(self) -> None:
        self._second_service.connected()
        self._connection.subscribe(_OWN_TOPIC)
        self._connection.subscribe(topics.presence("+"))
        self._connection.publish(self._presence(online=True))
        for topic in _OLD_MARKS:
            self._connection.publish(Message(topic, b"", retain=True))
        self._compare()

    def _compare(self) -> None:
        for reconciliation in self._reconciliations:
            reconciliation.begin()

    def _beat(self) -> None:
        if self._connection.ready and time.monotonic() >= self._next_heartbeat:
            self._next_heartbeat = time.monotonic() + HEARTBEAT_SECONDS
            self._audit.flush(self._now())
            self._connection.publish(self._presence(online=True))

    def _measure(self) -> None:
        if time.monotonic() >= self._next_figures:
            self._next_figures = time.monotonic() + INTERVAL_SECONDS
            now, network_now = self._now(), self._network_now()
            self._measurements.take(self._engine, self._state, self._connection, now, network_now)

    def _presence(self, *, online: bool) -> Message:
        errors = self._measurements.errors.in_last_hour(self._clock().wall.timestamp())
        return process_presence(
            SERVICE,
            online=online,
            since=self._since,
            now=self._now(),
            errors=errors,
            clock_speed=self._pace.speed,
            out_of_order_after=self._engine.network.rules.offline,
        )

    def _now(self) -> datetime:
        return self._time.at(self._clock())

    def _network_now(self) -> datetime:
        return self._pace.at(self._now())
