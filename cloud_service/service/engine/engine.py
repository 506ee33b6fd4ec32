"""Request -> decision -> journal -> reply, with no socket and no clock.

One thread decides. It gathers what has come in, decides it on the network, writes one line to the journal and
only then lets the replies out; where the line could not be written, the network is taken back.
"""

import logging
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from math import inf
from typing import Annotated, Any, Final

from msgspec import Struct

from cloud_service.config.setting import Section, Setting
from cloud_service.config.values import COUNT, DAYS
from cloud_service.core.changes import Changes, Event
from cloud_service.core.network import Network
from cloud_service.protocol.actions import ACTIONS, Actions
from cloud_service.protocol.envelope import Ignored
from cloud_service.protocol.errors import (
    Busy,
    IDReused,
    InternalError,
    RequestError,
    StorageFailed,
    TooLarge,
)
from cloud_service.protocol.incoming import Incoming, receive
from cloud_service.protocol.messages import Message
from cloud_service.protocol.replies import Outcome, failed, succeeded
from cloud_service.service.engine.admission import AdmissionLimit, AdmissionQueue
from cloud_service.service.engine.batch import Answer, BatchResult, OutgoingEvent
from cloud_service.service.engine.caller import Caller
from cloud_service.service.engine.deduplication import (
    Deduplication,
    DeduplicationLimits,
    to_outcome,
    to_record,
)
from cloud_service.service.engine.dispatch import dispatch
from cloud_service.service.engine.handlers import Handlers, bind_handlers
from cloud_service.service.engine.handlers.reservations import finish_reservations
from cloud_service.service.engine.outbox import Outbox
from cloud_service.store.errors import StoreError, SyncFailed, WriteFailed
from cloud_service.store.interface import CheckpointInput, Store, StoredRequest
from cloud_service.store.journal import RequestRecord
from cloud_service.store.pause import Pause

log = logging.getLogger(__name__)


REST: Final = 5.0
"""Seconds after a write that failed in which only requests are a reason to try again: time alone is none."""
LONGEST_RETRY: Final = 60.0
"""Seconds between two attempts to read the store anew."""


class EngineLimits(Struct, frozen=True):
    """What the service takes. Sizes are in bytes.

    A batch has `batch` requests at most, and ends once its replies have `batch_bytes`.
    """

    longest_charge: Annotated[
        timedelta,
        Setting("max_charge_days", DAYS, Section.SERVICE_LIMITS, "the longest charge that can be booked"),
    ] = timedelta(days=30)
    max_result_bytes: Annotated[
        int, Setting("max_result_bytes", COUNT, Section.SERVICE_LIMITS, "the largest result of a request")
    ] = 2**20
    memory: DeduplicationLimits = DeduplicationLimits()
    pending_per_client: Annotated[
        int,
        Setting(
            "pending_per_client", COUNT, Section.SERVICE_LIMITS, "requests of one client at once, before BUSY"
        ),
    ] = 2_000
    pending_in_all: Annotated[
        int, Setting("pending_in_all", COUNT, Section.SERVICE_LIMITS, "requests at once, before BUSY")
    ] = 8_000
    pending_bytes_in_all: int = 16 * 2**20
    pending_bytes_per_client: int = 4 * 2**20
    refused_bytes: int = 32 * 2**20
    """Of requests whose refusals wait to be sent; beyond it there is no reply, as if it had been lost."""
    batch: int = 256
    batch_bytes: int = 4 * 2**20


class _Batch:
    """Decisions that become one line of the journal."""

    def __init__(self) -> None:
        self.outcomes: list[tuple[Incoming, Outcome]] = []
        self.changes: list[Changes] = []
        self.undo: list[Changes] = []
        self.remembered: dict[tuple[str, str], RequestRecord] = {}


class Engine:
    """The cloud service, driven by whoever has a clock and a connection."""

    def __init__(
        self,
        store: Store,
        limits: EngineLimits,
        now: datetime,
        *,
        actions: Actions = ACTIONS,
        handlers: Handlers | None = None,
    ) -> None:
        """Reads the store. Raises DamagedStore or OSError where that fails."""
        self.network: Network
        self._store = store
        self._limits = limits
        self._actions = actions
        self._handlers = handlers or bind_handlers(limits.longest_charge)
        self._waiting = AdmissionQueue(
            AdmissionLimit(limits.pending_in_all, limits.pending_bytes_in_all),
            AdmissionLimit(limits.pending_per_client, limits.pending_bytes_per_client),
        )
        self._refused: list[Answer] = []
        self._refused_bytes = 0
        self._again: list[OutgoingEvent] = []
        self._writable = True
        self._retry = self._rest = Pause.of(0, now)
        self._retries = 0
        self._clock = self._now = now
        self._load(now)

    def __len__(self) -> int:
        """How many requests wait, for a decision or for their refusal to be sent."""
        return len(self._waiting) + len(self._refused)

    def take_in(self, message: Message, delivery: object, arrival: float) -> None:
        """Takes a request that arrived at this Unix time; the next `work` tells what became of it."""
        try:
            incoming = receive(message, arrival, delivery, self._actions)
        except Ignored as reason:
            log.warning("request ignored", extra={"topic": message.topic[:200], "why": str(reason)})
            self._refused.append(_no_request(delivery, message))
            return
        except Exception:  # whatever it is, it must not come again and again
            log.exception("a message on %s could not be read", message.topic[:200])
            self._refused.append(_no_request(delivery, message))
            return
        if incoming.expired(arrival):
            self._refuse(_answer(incoming, None), message)
        elif not self._waiting.add(incoming):
            self._refuse(self._turn_away(incoming), message)

    def _refuse(self, answer: Answer, message: Message) -> None:
        self._refused_bytes += message.size
        if self._refused_bytes > self._limits.refused_bytes:
            answer = _no_request(answer.delivery, message)
        self._refused.append(answer)

    def _turn_away(self, incoming: Incoming) -> Answer:
        """BUSY says that nothing has happened: not where an earlier delivery waits or may be on disk."""
        if incoming.identity is not None:
            known = self._deduplication.find(incoming.client, incoming.identity)
            if known is not None:
                return _answer(incoming, _repeated(known, incoming))
            if self._waiting.holds(incoming.client, incoming.identity):
                return Answer(incoming.delivery, None, incoming, silence="waits already")
            if not self._writable:
                return _answer(incoming, failed(StorageFailed()))
        return _answer(incoming, failed(Busy()))

    def work(self, now: datetime) -> BatchResult:
        """Decides as many requests as make a batch, and lets time pass.

        Time never runs backwards here, whatever the clock does: what has finished stays finished. Only when
        a request expires, the clock says: it is the one by which senders reckon.
        """
        self._clock = now
        self._now = now = max(now, self._now)
        if not len(self) and not self._rest.is_over(self._clock):
            return BatchResult()
        work = BatchResult(answers=self._refused)
        self._refused, self._refused_bytes = [], 0
        if not self._writable and self._recover(now):
            # It may have taken seconds: the next turn has a clock that knows who has expired meanwhile.
            work.reloaded = True
            return work
        work.events, self._again = self._again, []
        batch = self._decide(self._due(work), now, self._limits.batch_bytes)
        if self._writable and not self._write(batch, work, now):
            self._take_back(batch)
            batch = self._decide([incoming for incoming, _ in batch.outcomes], now, may_change=False)
            self._take_back(batch)
        elif not self._writable:
            self._take_back(batch)
        work.answers += [_answer(incoming, outcome) for incoming, outcome in batch.outcomes]
        return work

    def delivered(self, receipt: Any) -> None:
        """The broker has taken an event."""
        self._events.taken(receipt)

    def maintain(self, now: datetime) -> None:
        """To be called now and then: forgets, and has the store make its checkpoints."""
        self._deduplication.forget_older(now)
        self._store.maintain(self._checkpoint_input(), now)

    def close(self, now: datetime) -> None:
        """Leaves everything on disk as people can read it. OSError or StoreError where that failed."""
        self._store.close(self._checkpoint_input(), now)

    def _checkpoint_input(self) -> CheckpointInput:
        oldest = self._deduplication.oldest
        return CheckpointInput(
            self.network.tables,
            self._events.delivered,
            self._events.pending_events(),
            self._store.sequence + 1 if oldest is None else oldest,
        )

    def _load(self, now: datetime) -> None:
        recovered = self._store.load(now)
        for note in recovered.notes:
            log.warning("recovery: %s", note)
        self.network = Network(recovered.tables)
        self._deduplication = Deduplication(self._limits.memory, recovered.remembered)
        pending_events: dict[int, list[Event]] = {}
        for sequence, event in recovered.pending_events:
            pending_events.setdefault(sequence, []).append(event)
        self._events = Outbox(min(pending_events, default=self._store.sequence + 1) - 1)
        self._again = [
            OutgoingEvent(message, receipt)
            for sequence, events in pending_events.items()
            for receipt, message in self._events.add(sequence, events)
        ]

    def _recover(self, now: datetime) -> bool:
        """After a failed sync: reads the disk anew, with a pause that grows while that fails."""
        if not self._retry.is_over(self._clock):
            return False
        try:
            self._load(now)
        except (OSError, StoreError) as error:
            self._pause()
            log.error("the store cannot be used yet, next try at %s: %s", self._retry.until, error)
            return False
        log.warning("the store was read anew and takes changes again")
        self._writable, self._retries = True, 0
        return True

    def _pause(self) -> None:
        self._retry = Pause.of(min(2**self._retries, LONGEST_RETRY), self._clock)
        self._retries += 1

    def _due(self, work: BatchResult) -> Iterator[Incoming]:
        """The next requests that have not expired; those that have are done with."""
        clock = self._clock.timestamp()
        for incoming in self._waiting.take(self._limits.batch):
            if incoming.expired(clock):
                work.answers.append(_answer(incoming, None))
            else:
                yield incoming

    def _decide(
        self, requests: Iterable[Incoming], now: datetime, most_bytes: float = inf, may_change: bool = True
    ) -> _Batch:
        """Decides requests one after the other, each on the network that those before it leave.

        Takes no more of them once the outcomes have so many bytes.
        """
        size = 0
        batch = _Batch()
        self._apply(batch, finish_reservations(self.network, now))
        may_change = may_change and self._writable
        for incoming in requests:
            outcome = self._outcome(incoming, batch, now, may_change)
            batch.outcomes.append((incoming, outcome))
            size += len(outcome.body)
            if size >= most_bytes:
                break
        return batch

    def _outcome(self, incoming: Incoming, batch: _Batch, now: datetime, may_change: bool) -> Outcome:
        changes = incoming.action.changes
        if incoming.identity is not None:
            key = incoming.client, incoming.identity
            known = batch.remembered.get(key) or self._deduplication.find(*key)
            if known is not None:
                return _repeated(known, incoming)
        if changes and not may_change:
            return failed(StorageFailed())
        outcome, retryable = self._decision(incoming, batch, now)
        if changes and incoming.identity is not None and not retryable:
            batch.remembered[key] = to_record(*key, incoming.fingerprint(), outcome)
        return outcome

    def _decision(self, incoming: Incoming, batch: _Batch, now: datetime) -> tuple[Outcome, bool]:
        """The outcome, and whether asking again may mend it."""
        try:
            if incoming.error is not None:
                raise incoming.error
            assert incoming.request is not None
            decision = dispatch(
                incoming.action, self._handlers, self.network, incoming.request, Caller(incoming.client), now
            )
            outcome = succeeded(decision.result)
            if len(outcome.body) > self._limits.max_result_bytes:
                raise TooLarge(f"the result has more than {self._limits.max_result_bytes} bytes")
        except RequestError as error:
            return failed(error), error.retryable
        except Exception:
            log.exception("%s of %s could not be decided", incoming.action.name, incoming.client)
            return failed(InternalError()), True
        self._apply(batch, decision.changes)
        return outcome, False

    def _apply(self, batch: _Batch, changes: Changes) -> None:
        if changes:
            batch.undo.append(self.network.apply(changes))
            batch.changes.append(changes)

    def _take_back(self, batch: _Batch) -> None:
        for undo in reversed(batch.undo):
            self.network.apply(undo)

    def _write(self, batch: _Batch, work: BatchResult, now: datetime) -> bool:
        """Whether the batch is on disk, or holds nothing that has to be."""
        if not batch.changes and not batch.remembered:
            return True
        try:
            sequence = self._store.append(
                batch.changes, tuple(batch.remembered.values()), self._events.delivered, now
            )
        except WriteFailed as error:
            self._rest = Pause.of(REST, self._clock)
            log.error("nothing was changed, the disk took no write: %s", error)
            return False
        except SyncFailed as error:
            self._writable = False
            self._pause()
            log.error("no more changes until the store was read anew: %s", error)
            return False
        for request in batch.remembered.values():
            self._deduplication.add(StoredRequest(sequence, now, request))
        events = [event for changes in batch.changes for event in changes.events]
        work.events += [
            OutgoingEvent(message, receipt) for receipt, message in self._events.add(sequence, events)
        ]
        work.changes = batch.changes
        return True


def _repeated(known: RequestRecord, incoming: Incoming) -> Outcome:
    """What a further delivery of a request gets, and another request under its ID."""
    return to_outcome(known) if known.fingerprint == incoming.fingerprint() else failed(IDReused())


def _no_request(delivery: object, message: Message) -> Answer:
    """What comes of a message that is ignored. A topic can be 64 KiB long."""
    return Answer(delivery, None, None, message.topic[:200])


def _answer(incoming: Incoming, outcome: Outcome | None) -> Answer:
    reply = None if outcome is None else incoming.reply(outcome)
    return Answer(incoming.delivery, reply, incoming)
