"""The engine on PostgreSQL: batches are decided as on a data folder, on what they need of the network.

Many services may do so at once. A batch that meets the changes of another is decided again, on fresh rows.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from cloud_service.core.network import Network
from cloud_service.core.rules import Rules
from cloud_service.database.errors import Conflict
from cloud_service.database.loaded_network import LoadedNetwork
from cloud_service.database.peers import Peers
from cloud_service.database.state import DatabaseState
from cloud_service.database.writing import BatchToWrite, Written
from cloud_service.protocol.actions import ACTIONS, Actions
from cloud_service.protocol.errors import Busy, StorageFailed
from cloud_service.protocol.incoming import Incoming
from cloud_service.protocol.messages import Message
from cloud_service.protocol.replies import Outcome, failed
from cloud_service.service.database_engine.answered_requests import AnsweredRequests
from cloud_service.service.database_engine.clock import DatabaseClock
from cloud_service.service.database_engine.counts import network_counts
from cloud_service.service.database_engine.due import DueWork
from cloud_service.service.database_engine.moment import Moment
from cloud_service.service.database_engine.preload import preload
from cloud_service.service.database_engine.told_events import ToldEvents
from cloud_service.service.engine.admission import Admission
from cloud_service.service.engine.answers import Answer, BatchResult, answered, unanswered
from cloud_service.service.engine.batch import Batch
from cloud_service.service.engine.caller import Caller
from cloud_service.service.engine.counts import NetworkCounts
from cloud_service.service.engine.decider import Decider
from cloud_service.service.engine.deduplication import repeat
from cloud_service.service.engine.handlers import bind_handlers
from cloud_service.service.engine.limits import EngineLimits
from cloud_service.service.engine.outbox import Outbox, OutgoingEvent
from cloud_service.store.errors import StoreError, SyncFailed, WriteFailed

log = logging.getLogger(__name__)

WHOLE_ATTEMPTS: Final = 3
"""How often a batch that meets the changes of others is decided as a whole, before it is divided."""
LAST_ATTEMPTS: Final = 20
"""How often a single request is decided before it is refused with BUSY."""
MEET_EVERY: Final = timedelta(seconds=1)
"""How often a service looks after the others."""
MEET_EVERY_WHILE_HELD: Final = timedelta(seconds=0.05)
COUNT_EVERY: Final = timedelta(seconds=15)
PAUSE: Final = timedelta(seconds=1)
"""After the database has failed, requests get STORAGE for this long without it being tried."""


class DatabaseEngine:
    """Decides requests on a database. Its caller has the clock and the connection to the broker.

    One thread uses it.
    """

    def __init__(
        self, state: DatabaseState, clock: DatabaseClock, limits: EngineLimits, *, actions: Actions = ACTIONS
    ) -> None:
        self._events = ToldEvents()
        self._state = state
        self._clock = clock
        self._limits = limits
        self._rules = limits.rules
        self._handlers = bind_handlers(limits.rules)
        self._admission = Admission(limits, actions, self._turn_away)
        self._due = DueWork(state, limits)
        self._pause: timedelta | None = None
        """Until when the database is not tried again, by the clock that only runs forward."""
        self._counts = NetworkCounts()
        self._counted: timedelta | None = None
        self._next_meeting = timedelta()
        self._compare_again = False
        self._stale_stations: list[int] = []

    def __len__(self) -> int:
        """How many messages wait: for a decision, or for their refusal to be sent."""
        return len(self._admission)

    @property
    def outbox(self) -> Outbox:
        """The events that the brokers may not have yet."""
        return self._events.outbox

    @property
    def writable(self) -> bool:
        """Whether the database took the last batch, as far as one was tried."""
        return self._pause is None

    @property
    def leads(self) -> bool:
        """Whether it is this service that compares what the broker has retained and follows presence."""
        return self._state.leads

    @property
    def rules(self) -> Rules:
        """What the network goes by."""
        return self._rules

    def show(self, to: Callable[[Network], None]) -> None:
        """Calls with the network as it is committed now; not at all while the database is away."""
        if self._pause is not None:
            return
        try:
            with self._state.reading() as reader:
                to(LoadedNetwork(reader, self._rules))
        except StoreError as error:
            self._rest(error)

    def take_in(self, message: Message, delivery: object, arrival: float) -> None:
        """Takes in a message that arrived at this Unix time. A later `work` answers it."""
        self._admission.take_in(message, delivery, arrival)

    def note_presence(self, client: str, online: bool, now: datetime) -> None:
        """Notes what an account's presence topic says; without one, it counts as online."""
        if not Caller(client).is_gateway:
            self._due.presence.note(client, online, now)

    def work(self, now: datetime, clients_time: datetime | None = None) -> BatchResult:
        """Decides a batch of requests, and lets time pass. Requests expire by the clients' time."""
        clients_time = clients_time or now
        result = BatchResult(answers=self._admission.take_refusals())
        requests = list(self._admission.take(self._limits.batch_requests))
        if self._pause is not None and self._clock().elapsed < self._pause:
            _refuse(self._unexpired(requests, clients_time, result), result)
            return result
        moment = Moment(now, clients_time, self._clock)
        try:
            self._state.make_room(now, self._limits.deduplication.age)
            made = self._due.let_time_pass(now, clients_time)
            if made is not None:
                self._committed(*made, result)
            if requests:
                self._settle(requests, moment, result)
        except (WriteFailed, SyncFailed) as error:
            moment.advance()
            self._rest(error)
            _refuse(self._unexpired(requests, moment.clients_time, result), result)
        else:
            self._is_back()
            result.reloaded, self._compare_again = self._compare_again, False
            result.stale_stations, self._stale_stations = self._stale_stations, []
        return result

    def _is_back(self) -> None:
        if self._pause is not None:
            log.warning("the database is back, changes are accepted again")
        self._pause = None

    @property
    def waiting_events(self) -> int:
        """How many events `take_events` has not given back yet."""
        return len(self._events)

    def take_events(self, most: int) -> list[OutgoingEvent]:
        """The messages of at most this many events, oldest first. Their changes are committed."""
        return self._events.take(most)

    def acknowledged(self, receipt: Any) -> None:
        """Notes that the broker has acknowledged an event."""
        self._events.acknowledged(receipt)

    def maintain(self, now: datetime) -> None:
        """Forgets events that the broker has, and what is too old. To be called often."""
        if self._pause is not None:
            return
        try:
            self._clock.keep_right()
            self._events.forget_delivered(self._state)
            self._meet()
        except StoreError as error:
            self._rest(error)

    def counts(self, now: datetime) -> NetworkCounts:
        """How much there is of everything: as of some seconds ago, because it takes long to count."""
        elapsed = self._clock().elapsed
        if self._pause is None and (self._counted is None or elapsed - self._counted >= COUNT_EVERY):
            self._counted = elapsed
            try:
                self._counts = network_counts(self._state.counts())
            except StoreError as error:
                log.warning("the records of the database could not be counted: %s", error)
        return self._counts

    def close(self, now: datetime) -> None:
        """Ends the connection. Everything is in the database already."""
        self.maintain(now)
        if self._pause is None and self._events.all_delivered:
            with self._state.peers() as peers:
                peers.leave()
        self._state.close()

    def _settle(self, requests: Sequence[Incoming], moment: Moment, result: BatchResult) -> None:
        """Decides requests, in smaller and smaller pieces as long as other services are first."""
        for _ in range(WHOLE_ATTEMPTS if len(requests) > 1 else LAST_ATTEMPTS):
            unexpired = self._unexpired(requests, moment.clients_time, result)
            if not unexpired:
                return
            try:
                decided = self._attempt(unexpired, moment.now, result)
            except Conflict as conflict:
                log.debug("a batch of %d is decided again: %s", len(requests), conflict)
                requests = unexpired
                moment.advance()
            else:
                if decided < len(unexpired):
                    self._settle(unexpired[decided:], moment, result)
                return
        if len(requests) == 1:
            log.warning("a request was refused, because others were first %d times", LAST_ATTEMPTS)
            result.answers.append(answered(requests[0], failed(Busy())))
            return
        half = len(requests) // 2
        self._settle(requests[:half], moment, result)
        self._settle(requests[half:], moment, result)

    def _attempt(self, requests: Sequence[Incoming], now: datetime, result: BatchResult) -> int:
        """Decides requests in one transaction. Returns how many: a batch ends when it is large."""
        written = Written([])
        with self._state.transaction() as (reader, writer):
            network = LoadedNetwork(reader, self._rules)
            known = AnsweredRequests(reader, requests)
            preload(network, requests)
            decider = Decider(network, known, self._handlers, self._limits.max_result_bytes)
            with Batch(network, now) as batch:
                self._decide(requests, batch, network, decider, now)
                if batch.has_to_be_written:
                    records = tuple(batch.records.values())
                    written = writer.write(BatchToWrite(batch.changes, network, records, now))
                batch.keep()
        self._committed(batch, written, result)
        result.answers += [answered(incoming, outcome) for incoming, outcome in batch.outcomes]
        return len(batch.outcomes)

    def _decide(
        self,
        requests: Sequence[Incoming],
        batch: Batch,
        network: LoadedNetwork,
        decider: Decider,
        now: datetime,
    ) -> None:
        size = 0
        batch.let_time_pass()
        for incoming in requests:
            outcome = self._decide_one(incoming, batch, network, decider, now)
            batch.outcomes.append((incoming, outcome))
            if not batch.let_time_pass():
                self._due.look_at_once()
            size += len(outcome.body)
            if size >= self._limits.batch_bytes or batch.work >= self._limits.batch_work:
                return

    def _decide_one(
        self, incoming: Incoming, batch: Batch, network: LoadedNetwork, decider: Decider, now: datetime
    ) -> Outcome:
        """Decides a request; once more if it had something loaded where something was due before."""
        while True:
            loads, savepoint = network.loads, batch.savepoint
            outcome = decider.decide(incoming, batch, now, True)
            if network.loads == loads or network.first_due(now) is None:
                return outcome
            batch.undo_to(savepoint)
            batch.records.pop((incoming.client, incoming.identity or ""), None)
            batch.let_time_pass()

    def _committed(self, batch: Batch, written: Written, result: BatchResult) -> None:
        self._events.committed(batch.changes, written)
        result.changes += batch.changes
        result.steps += batch.steps

    def _rest(self, error: StoreError) -> None:
        """The database has failed."""
        log.error("requests get STORAGE for %g s: %s", PAUSE.total_seconds(), error)
        self._pause = self._clock().elapsed + PAUSE

    def _meet(self) -> None:
        """Looks after the others: whether they have told what this one waits for, and whether they live."""
        now = self._clock().elapsed
        if now < self._next_meeting:
            return
        self._next_meeting = now + (MEET_EVERY_WHILE_HELD if self._events.any_held else MEET_EVERY)
        with self._state.peers() as peers:
            if peers.try_to_lead():
                log.info("this service compares the retained state, and follows the chargers' presence")
                self._compare_again = True
            if peers.leads:
                self._stale_stations += peers.contended_stations()
                self._take_over(peers)
            self._events.release(peers)

    def _take_over(self, peers: Peers) -> None:
        """Takes over what services owe that have died."""
        buried = peers.bury()
        if buried is not None:
            log.warning("a service has died: this one tells its %d events", len(buried))
            self._events.take_over(buried)
            self._compare_again = True

    def _unexpired(self, requests: Sequence[Incoming], now: datetime, result: BatchResult) -> list[Incoming]:
        """Those that still count. An expired one gets no reply."""
        done = {id(answer.incoming) for answer in result.answers}
        left = [incoming for incoming in requests if id(incoming) not in done]
        expired = [incoming for incoming in left if incoming.expired(now.timestamp())]
        result.answers += [unanswered(incoming, "expired") for incoming in expired]
        return [incoming for incoming in left if not incoming.expired(now.timestamp())]

    def _turn_away(self, incoming: Incoming) -> Answer:
        """Answers a request for which there is no room.

        BUSY says that nothing has happened, so it is wrong if an earlier delivery waits or may be committed.
        """
        if incoming.identity is not None:
            if self._admission.holds(incoming.client, incoming.identity):
                return unanswered(incoming, "waits already")
            if self._pause is not None:
                return answered(incoming, failed(StorageFailed()))
            try:
                with self._state.reading() as reader:
                    known = AnsweredRequests(reader, [incoming]).find(incoming.client, incoming.identity)
            except StoreError:
                return answered(incoming, failed(StorageFailed()))
            if known is not None:
                return answered(incoming, repeat(known, incoming))
        return answered(incoming, failed(Busy()))


def _refuse(requests: Sequence[Incoming], result: BatchResult) -> None:
    """Answers STORAGE."""
    result.answers += [answered(incoming, failed(StorageFailed())) for incoming in requests]
