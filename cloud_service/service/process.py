"""The cloud service as a process: one loop that reads, decides, writes, answers, and then tells."""

import gc
import logging
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Annotated, Any, Final, TypeVar

import msgspec

from cloud_service import __version__
from cloud_service.accounts.audit_log import AuditLog
from cloud_service.mqtt.address import BrokerAddress
from cloud_service.mqtt.polling_connection import PollingConnection
from cloud_service.mqtt.session import Delivery
from cloud_service.protocol import topics
from cloud_service.protocol.actions import ACTIONS, request_topics
from cloud_service.protocol.messages import Message
from cloud_service.protocol.presence import process_presence
from cloud_service.service.engine.answers import Answer, BatchResult
from cloud_service.service.engine.engine import Engine
from cloud_service.service.reconciliation import Reconciliation
from cloud_service.service.request_audit import RequestAudit
from cloud_service.service.retained_state import RetainedState
from cloud_service.service.settings import ServiceSettings
from cloud_service.store.errors import StoreError
from cloud_service.store.file_store import FileStore
from cloud_service.store.filesystem import DiskFolder, FolderLocked

log = logging.getLogger(__name__)

Loaded = TypeVar("Loaded")

NAME: Final = "cloud_service"
HEARTBEAT: Final = 30.0
"""Seconds between two messages on the service's own presence topic."""
ANSWERING: Final = 1.5
"""Seconds for what was taken in when the service ends. Whoever ends it expects it to be gone after five."""
GOODBYE: Final = 2.0
"""Seconds that the broker has to take what is on its way when the service ends."""
_STATE_PAUSE: Final = 0.25
"""Seconds between two rounds of retained state; within a second of a change it is told."""
_STATE_ROUND: Final = 500
_STATE_MOST_OUTSTANDING: Final = 2_000
"""While the broker is behind by this many messages, retained state waits: replies go first."""
_MOST_OUTSTANDING_BYTES: Final = 32 * 2**20
"""While the broker is behind by so many bytes, requests wait: large replies must not pile up in memory."""
_OWN: Final = topics.reply(NAME) + "/"
"""Below it the service tells itself something."""
_RUNNING: Final = _OWN + "running"
"""Retained for some seconds: the service that was connected last."""
_RUNNING_SECONDS: Final = 3


def run_service(settings: ServiceSettings, broker: BrokerAddress) -> int:
    """Runs until SIGTERM or SIGINT. Returns the process's exit status."""
    try:
        folder = DiskFolder(settings.data.data_dir)
    except (OSError, FolderLocked) as error:
        log.error("the data folder cannot be used: %s", error)
        return 1
    try:
        with _stop_signals() as stop:
            runtime = ServiceProcess(settings, broker, FileStore(folder, settings.store))
            return runtime.run(stop)
    except (OSError, StoreError) as error:
        log.error("%s", error)
        return 1
    finally:
        folder.close()


class _Running(msgspec.Struct, frozen=True):
    """A service's mark: when it was started, and when it was connected last."""

    since: Annotated[datetime, msgspec.Meta(tz=True)]
    now: Annotated[datetime, msgspec.Meta(tz=True)]


class ServiceProcess:
    """The service with a clock and a connection."""

    def __init__(self, settings: ServiceSettings, broker: BrokerAddress, store: FileStore) -> None:
        begun = time.monotonic()
        self._since = _now()
        self._superseded = False
        self._service = _without_collections(lambda: Engine(store, settings.limits, self._since))
        tables = self._service.network.tables
        log.info(
            "%d stations, %d points, %d reservations read in %.1f s",
            len(tables.stations),
            len(tables.points),
            len(tables.reservations),
            time.monotonic() - begun,
        )
        self._audit = AuditLog(settings.data.audit_log)
        self._requests = RequestAudit(self._audit)
        self._audit.record("serviceStarted", self._since, version=__version__)
        self._state = RetainedState()
        self._next_state = 0.0
        self._next_heartbeat = 0.0
        self._connection = PollingConnection(
            broker,
            NAME,
            subscriptions=[
                *request_topics(ACTIONS),
                _OWN + "#",
            ],
            will=self._presence(online=False),
            on_message=self._received,
            on_published=self._published,
            on_ready=self._ready,
        )
        self._reconciliation = Reconciliation(broker, NAME, self._state, self._connection)

    def run(self, stop: "Stop") -> int:
        """The loop. Ends when asked to, with everything answered that was taken in.

        What would make the broker fall behind, or would take longer than there is time, stays unanswered: it
        comes again at the next start.
        """
        self._connection.watch(stop.descriptor)
        while not stop.asked and not self._superseded:
            at_once = self._reconciliation.waits or (len(self._service) and not self._behind)
            self._connection.poll(0 if at_once else 0.2)
            self._turn()
        log.info("stopping")
        self._answer_the_rest()
        self._connection.close(self._presence(online=False), GOODBYE)
        self._service.close(_now())
        self._requests.close(_now())
        self._audit.record("serviceStopped", _now())
        log.info("stopped; all of the network is in the data folder")
        return int(self._superseded)

    def _answer_the_rest(self) -> None:
        end = time.monotonic() + ANSWERING
        while len(self._service) and not self._behind and not self._superseded and time.monotonic() < end:
            self._turn()

    @property
    def _behind(self) -> bool:
        return self._connection.outstanding_bytes >= _MOST_OUTSTANDING_BYTES

    def _turn(self) -> None:
        if not self._behind:
            self._send(self._service.work(_now()))
        self._service.maintain(_now())
        self._reconciliation.turn(self._service.network)
        self._tell_state()
        self._beat()

    def _send(self, work: BatchResult) -> None:
        for answer in work.answers:
            if answer.reply is not None:
                self._connection.publish(answer.reply)
        for delivered in work.events:
            self._connection.publish(delivered.message, delivered.receipt)
        for answer in work.answers:
            self._connection.acknowledge(answer.delivery)
        self._connection.flush()
        for answer in work.answers:
            _log(answer)
            self._requests.note(answer, _now())
        for changes in work.changes:
            self._state.note(changes)
        if work.reloaded:
            self._reconciliation.begin()

    def _received(self, message: Message, delivery: Delivery) -> None:
        if message.topic == _RUNNING:
            self._look_at(message)
        elif not message.topic.startswith(_OWN):  # else it is one of ours to ourselves
            self._service.take_in(message, delivery, time.time())
            return
        self._connection.acknowledge(delivery)

    def _look_at(self, running: Message) -> None:
        """Two services with folders of their own would split the network: the younger one ends.

        A mark that was made after our own start is of a service that lives, not of one before us.
        """
        try:
            other = msgspec.json.decode(running.payload, type=_Running)
        except msgspec.MsgspecError as error:
            log.warning("the mark of a running service cannot be read: %s", error)
            return
        if other.since < self._since < other.now:
            log.error("another cloud service, of %s, works at this broker: this one ends", other.since)
            self._superseded = True

    def _published(self, receipt: Any) -> None:
        if receipt is not None:
            self._service.acknowledged(receipt)

    def _ready(self) -> None:
        self._next_heartbeat = 0.0
        self._connection.subscribe(_RUNNING)
        mark = msgspec.json.encode(_Running(self._since, _now()))
        self._connection.publish(Message(_RUNNING, mark, retain=True, expiry=_RUNNING_SECONDS))
        self._reconciliation.begin()

    def _tell_state(self) -> None:
        if not self._connection.ready or time.monotonic() < self._next_state:
            return
        room = min(_STATE_ROUND, _STATE_MOST_OUTSTANDING - self._connection.outstanding)
        for message in self._state.take(self._service.network, max(room, 0), _now()):
            self._connection.publish(message)
        if not len(self._state):
            self._next_state = time.monotonic() + _STATE_PAUSE

    def _beat(self) -> None:
        if self._connection.ready and time.monotonic() >= self._next_heartbeat:
            self._next_heartbeat = time.monotonic() + HEARTBEAT
            self._requests.flush(_now())
            self._connection.publish(self._presence(online=True))

    def _presence(self, *, online: bool) -> Message:
        return process_presence(NAME, online=online, since=self._since, now=_now())


def _log(answer: Answer) -> None:
    incoming = answer.incoming
    if incoming is None:
        return
    log.info(
        "request",
        extra={
            "action": incoming.action.name,
            "client": incoming.client,
            "request_id": incoming.envelope.request_id,
            "outcome": answer.outcome,
            "milliseconds": round((time.time() - incoming.arrival) * 1000, 1),
        },
    )


class Stop:
    """Whether a signal asked to end; the descriptor can be read from then on."""

    def __init__(self) -> None:
        self.asked = False
        self.descriptor, self._writer = os.pipe()
        os.set_blocking(self._writer, False)

    def ask(self, _number: int, _frame: object) -> None:
        self.asked = True
        os.write(self._writer, b"\0")

    def close(self) -> None:
        os.close(self.descriptor)
        os.close(self._writer)


@contextmanager
def _stop_signals() -> Iterator[Stop]:
    stop = Stop()
    before = {number: signal.signal(number, stop.ask) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        stop.close()


def _without_collections(load: Callable[[], Loaded]) -> Loaded:
    """Loads the network while Python's cycle collector rests, and keeps it out of the collector's sight.

    A million records hold no cycle, and looking through them would take a second now and then.
    """
    gc.disable()
    try:
        loaded = load()
        gc.freeze()
    finally:
        gc.enable()
    return loaded


def _now() -> datetime:
    return datetime.now(UTC)
