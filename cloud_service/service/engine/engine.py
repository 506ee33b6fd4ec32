"""The engine: from requests to decisions, to the journal, to replies. It has no socket and no clock.

One thread uses it. It decides the requests that have arrived, and writes their effects as one line of the
journal. Only then does it release the replies.
"""

import logging
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import Any

from cloud_service.core.changes import Event
from cloud_service.core.network import Network
from cloud_service.core.rules import Rules
from cloud_service.protocol.actions import ACTIONS, Actions
from cloud_service.protocol.errors import Busy, StorageFailed
from cloud_service.protocol.incoming import Incoming
from cloud_service.protocol.messages import Message
from cloud_service.protocol.replies import Outcome, failed
from cloud_service.service.engine.admission import Admission
from cloud_service.service.engine.answers import Answer, BatchResult, answered, unanswered
from cloud_service.service.engine.batch import Batch
from cloud_service.service.engine.caller import Caller
from cloud_service.service.engine.counts import NetworkCounts, PointStates
from cloud_service.service.engine.decider import Decider
from cloud_service.service.engine.deduplication import Deduplication, repeat
from cloud_service.service.engine.handlers import Handlers, bind_handlers
from cloud_service.service.engine.limits import EngineLimits
from cloud_service.service.engine.outbox import Outbox, OutgoingEvent
from cloud_service.service.engine.presence_notes import PresenceNotes
from cloud_service.service.engine.store_condition import WRITABLE
from cloud_service.store.errors import StoreError, SyncFailed, WriteFailed
from cloud_service.store.interface import CheckpointInput, Store, StoredRequest

log = logging.getLogger(__name__)


class Engine:
    """Decides requests. Its caller has the clock and the connection.

    All times are the network's, which network_time.py makes of the clock's readings.

    Raises DamagedStore or OSError if the store cannot be read.
    """

    network: Network
    deduplication: Deduplication
    outbox: Outbox

    def __init__(
        self,
        store: Store,
        limits: EngineLimits,
        now: datetime,
        *,
        actions: Actions = ACTIONS,
        handlers: Handlers | None = None,
    ) -> None:
        self._store = store
        self._limits = limits
        self._handlers = handlers or bind_handlers(limits.rules)
        self._admission = Admission(limits, actions, self._turn_away)
        self._condition = WRITABLE
        self._time = now
        self._presence = PresenceNotes()
        self._points: PointStates | None = None
        self._load(now)

    def __len__(self) -> int:
        """How many messages wait: for a decision, or for their refusal to be sent."""
        return len(self._admission)

    @property
    def writable(self) -> bool:
        """Whether the last write succeeded, as far as one was tried."""
        return self._condition is WRITABLE

    def take_in(self, message: Message, delivery: object, arrival: float) -> None:
        """Takes in a message that arrived at this Unix time. A later `work` answers it."""
        self._admission.take_in(message, delivery, arrival)

    def note_presence(self, client: str, online: bool, now: datetime) -> None:
        """Notes what an account's presence topic says; without one, it counts as online.

        Legacy clients share their owner, and have no presence of their own.
        """
        if not Caller(client).is_gateway:
            self._presence.note(client, online, now)

    def note_hearing(self, *, all_brokers: bool) -> None:
        """Nothing: nobody else hears more."""

    def work(
        self, now: datetime, clients_time: datetime | None = None, collect: Callable[[], None] | None = None
    ) -> BatchResult:
        """Decides a batch of requests, and lets time pass.

        What has finished stays finished, also if time runs backwards. Requests expire by the clients' time,
        where that is not the network's. There is no other service to wait for, so nothing is collected.
        """
        self._time = now
        if not len(self) and self._condition.waits_to_retry(now):
            return BatchResult()
        result = BatchResult(answers=self._admission.take_refusals())
        if self._condition.may_load(now) and self._recover(now):
            # This may have taken seconds. The next call knows which requests have expired meanwhile.
            result.reloaded = True
            return result
        requests = self._unexpired(result, clients_time or now)
        if self._condition.read_only:
            outcomes = self._decide_reads(requests, whole=False)
        else:
            outcomes = self._decide_and_write(requests, result, now)
        result.answers += [answered(incoming, outcome) for incoming, outcome in outcomes]
        return result

    @property
    def rules(self) -> Rules:
        """What the network goes by."""
        return self.network.rules

    @property
    def leads(self) -> bool:
        """Whether this service compares what the broker has retained: nobody else uses its folder."""
        return True

    @property
    def waiting_events(self) -> int:
        """How many events `take_events` has not given back yet."""
        return self.outbox.waiting

    def take_events(self, most: int) -> list[OutgoingEvent]:
        """The messages of at most this many events, oldest first. Their changes are on disk."""
        return self.outbox.take(most)

    def acknowledged(self, receipt: Any) -> None:
        """Notes that the broker has acknowledged an event."""
        self.outbox.acknowledged(receipt)

    def maintain(self, now: datetime) -> None:
        """Forgets old requests, and lets the store make its checkpoints. To be called often."""
        self.deduplication.forget_older(now)
        self._store.maintain(self._checkpoint_input(), now)

    def show(self, to: Callable[[Network], None]) -> bool:
        """Calls with the network as it is on disk."""
        to(self.network)
        return True

    def counts(self, now: datetime) -> NetworkCounts:
        """How much there is of everything."""
        tables = self.network.tables
        if self._points is None:
            self._points = PointStates(self.network, now)
        self._points.let_time_pass(now)
        return NetworkCounts(
            stations=len(tables.stations),
            points=self._points.counts,
            points_out_of_order=self._points.out_of_order,
            offline_owners=len(tables.absences),
            sessions=len(tables.sessions),
            reservations=len(tables.reservations),
            request_records=len(self.deduplication),
        )

    def close(self, now: datetime) -> None:
        """Writes everything to the files that people can read. Raises OSError or StoreError if that fails."""
        self._store.close(self._checkpoint_input(), now)

    def _decide_and_write(
        self, requests: Iterable[Incoming], result: BatchResult, now: datetime
    ) -> list[tuple[Incoming, Outcome]]:
        """If the write fails, the whole batch is undone, and its requests are decided as reads.

        The passing of time may have left it none. Then the next ones are: it would leave none again.
        """
        with Batch(self.network, self._time) as batch:
            self._decide(batch, requests, may_change=True, whole=False)
            try:
                self._write(batch, result)
            except WriteFailed as error:
                self._condition = self._condition.write_failed(now)
                log.error("the write failed, nothing was changed: %s", error)
            except SyncFailed as error:
                self._condition = self._condition.sync_failed(now)
                log.error("changes are refused until the store has been recovered: %s", error)
            else:
                if self._points is not None:
                    for changes, undo in zip(batch.changes, batch.undo_changes, strict=True):
                        self._points.note(changes, undo)
                batch.keep()
                self._presence.written(self.network, batch.changes)
                return batch.outcomes
        taken = [incoming for incoming, _ in batch.outcomes]
        return self._decide_reads(taken, whole=True) if taken else self._decide_reads(requests, whole=False)

    def _decide_reads(self, requests: Iterable[Incoming], *, whole: bool) -> list[tuple[Incoming, Outcome]]:
        """Decides requests while nothing can be written.

        Changes are refused, and changes due to the passing of time are undone.
        """
        with Batch(self.network, self._time) as batch:
            self._decide(batch, requests, may_change=False, whole=whole)
            return batch.outcomes

    def _decide(self, batch: Batch, requests: Iterable[Incoming], *, may_change: bool, whole: bool) -> None:
        """Fills a batch with all requests if `whole`, otherwise until it is large or has been much work.

        What the passing of time leaves to the next batch comes before further requests, but only where this
        batch can be kept: undone, it would be left for ever, and they would wait for the disk. That work is
        done again in each batch then, and does not count.
        """
        size, most_work = 0, self._limits.batch_work
        for changes in list(self._presence.changes(self.network)):
            batch.apply(changes)
        if not batch.let_time_pass(most_work) and may_change:
            return
        if not may_change:
            most_work += batch.work
        for incoming in requests:
            outcome = self._decider.decide(incoming, batch, self._time, may_change)
            batch.outcomes.append((incoming, outcome))
            is_late = may_change and not batch.let_time_pass(most_work)
            size += len(outcome.body)
            is_large = size >= self._limits.batch_bytes
            is_much_work = batch.work >= most_work
            if is_late or (not whole and (is_large or is_much_work)):
                return

    def _write(self, batch: Batch, result: BatchResult) -> None:
        """Writes a batch to the journal. Only what is on disk becomes known: records, events, changes."""
        if not batch.has_to_be_written:
            return
        records = tuple(batch.records.values())
        sequence = self._store.append(batch.changes, records, self.outbox.delivered, self._time)
        self._condition = WRITABLE
        for record in records:
            self.deduplication.add(StoredRequest(sequence, self._time, record))
        self.outbox.add(sequence, (event for changes in batch.changes for event in changes.events))
        result.changes, result.steps = batch.changes, batch.steps

    def _unexpired(self, result: BatchResult, now: datetime) -> Iterator[Incoming]:
        """Takes the next requests. Those that have expired get no reply."""
        for incoming in self._admission.take(self._limits.batch_requests):
            if incoming.expired(now.timestamp()):
                result.answers.append(unanswered(incoming, "expired"))
            else:
                yield incoming

    def _turn_away(self, incoming: Incoming) -> Answer:
        """Answers a request for which there is no room.

        BUSY says that nothing has happened, so it is wrong if an earlier delivery waits or may be on disk.
        """
        if incoming.identity is not None:
            known = self.deduplication.find(incoming.client, incoming.identity)
            if known is not None:
                return answered(incoming, repeat(known, incoming))
            if self._admission.holds(incoming.client, incoming.identity):
                return unanswered(incoming, "waits already")
            if self._condition.read_only:
                return answered(incoming, failed(StorageFailed()))
        return answered(incoming, failed(Busy()))

    def _recover(self, now: datetime) -> bool:
        """Reads the store again after a failed sync. Returns whether that succeeded."""
        try:
            self._load(self._time)
        except (OSError, StoreError) as error:
            self._condition = self._condition.load_failed(now)
            log.error("the store cannot be recovered, next attempt at %s: %s", self._condition.until, error)
            return False
        self._condition = WRITABLE
        log.warning("the store has been recovered, changes are accepted again")
        return True

    def _load(self, now: datetime) -> None:
        recovered = self._store.load(now)
        for note in recovered.notes:
            log.warning("recovery: %s", note)
        self.network = Network(recovered.tables, self._limits.rules)
        self._points = None
        self.deduplication = Deduplication(self._limits.deduplication, recovered.remembered)
        self._decider = Decider(
            self.network, self.deduplication, self._handlers, self._limits.max_result_bytes
        )
        pending: dict[int, list[Event]] = {}
        for sequence, event in recovered.pending_events:
            pending.setdefault(sequence, []).append(event)
        self.outbox = Outbox(min(pending, default=self._store.sequence + 1) - 1)
        for sequence, events in pending.items():
            self.outbox.add(sequence, events)

    def _checkpoint_input(self) -> CheckpointInput:
        oldest = self.deduplication.oldest
        return CheckpointInput(
            self.network.tables,
            self.outbox.delivered,
            self.outbox.pending_events(),
            self._store.sequence + 1 if oldest is None else oldest,
        )
