"""The engine on PostgreSQL: batches are decided as on a data folder, on what they need of the network.

Many services may do so at once. A batch that collides with the changes of another is decided again, on fresh
rows.
"""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from cloud_service.core.network import Network
from cloud_service.core.rules import Rules
from cloud_service.database.loaded_network import LoadedNetwork
from cloud_service.database.state import DatabaseState
from cloud_service.protocol.actions import ACTIONS, Actions
from cloud_service.protocol.errors import Busy, StorageFailed
from cloud_service.protocol.incoming import Incoming
from cloud_service.protocol.messages import Message
from cloud_service.protocol.replies import failed
from cloud_service.service.database_engine.answered_requests import AnsweredRequests
from cloud_service.service.database_engine.clock import DatabaseClock
from cloud_service.service.database_engine.committed import Committed
from cloud_service.service.database_engine.counts import BackgroundCounts
from cloud_service.service.database_engine.deciding import Deciding
from cloud_service.service.database_engine.due import DueWork
from cloud_service.service.database_engine.hearing import Hearing
from cloud_service.service.database_engine.leader_work import LeaderWork
from cloud_service.service.database_engine.meetings import Meetings
from cloud_service.service.database_engine.moment import Moment
from cloud_service.service.database_engine.settling import Settling, unexpired
from cloud_service.service.database_engine.told_events import ToldEvents
from cloud_service.service.database_engine.turn import Turn
from cloud_service.service.engine.admission import Admission
from cloud_service.service.engine.answers import Answer, BatchResult, answered, unanswered
from cloud_service.service.engine.caller import Caller
from cloud_service.service.engine.counts import NetworkCounts
from cloud_service.service.engine.deduplication import repeat
from cloud_service.service.engine.limits import EngineLimits
from cloud_service.service.engine.outbox import Outbox, OutgoingEvent
from cloud_service.service.engine.presence_notes import PresenceNotes
from cloud_service.store.errors import StoreError, SyncFailed, WriteFailed

log = logging.getLogger(__name__)

PAUSE: Final = timedelta(seconds=1)
"""After a failure of the database, requests get STORAGE for this long, and the database is not tried."""


class DatabaseEngine:
    """Decides requests on a database. Its caller has the clock and the connection to the broker.

    One thread uses it.
    """

    def __init__(
        self,
        state: DatabaseState,
        clock: DatabaseClock,
        limits: EngineLimits,
        *,
        history_months: int = 0,
        actions: Actions = ACTIONS,
    ) -> None:
        """The history of months that ended more than `history_months` ago is dropped; 0 keeps it for ever."""
        self._events = ToldEvents()
        self._state = state
        self._clock = clock
        self._limits = limits
        self._history_months = history_months
        self._rules = limits.rules
        self._admission = Admission(limits, actions, self._turn_away)
        self._presence = PresenceNotes()
        self._due = DueWork(state, limits)
        self._hearing = Hearing()
        self._leader_work = LeaderWork(state, limits, self._presence, self._hearing)
        self._turn = Turn(state)
        self._settling = Settling(Deciding(state, limits, self._due, self._turn), self._committed)
        self._meetings = Meetings(state, self._events, self._presence, self._hearing)
        self._pause: timedelta | None = None
        """Until when the database is not tried again, by the clock that only runs forward."""
        self._counts = BackgroundCounts(state, limits.rules)

    def __len__(self) -> int:
        """How many messages wait: for a decision, or for their refusal to be sent."""
        return len(self._admission)

    @property
    def outbox(self) -> Outbox:
        """The events that the brokers may not have yet."""
        return self._events.outbox

    @property
    def writable(self) -> bool:
        """Whether the database accepted the last batch that was tried."""
        return self._pause is None

    @property
    def leads(self) -> bool:
        """Whether this service is the one that compares the retained messages and follows presence."""
        return self._state.leads

    @property
    def rules(self) -> Rules:
        """The rules that the network follows."""
        return self._rules

    def show(self, to: Callable[[Network], None]) -> bool:
        """Calls with the network as it is committed now. Returns False while the database is away."""
        if self._pause is not None:
            return False
        try:
            with self._state.reading() as reader:
                to(LoadedNetwork(reader, self._rules))
        except StoreError as error:
            self._rest(error)
            return False
        return True

    def take_in(self, message: Message, delivery: object, arrival: float) -> None:
        """Takes in a message that arrived at this Unix time. A later `work` answers it."""
        self._admission.take_in(message, delivery, arrival)

    def note_presence(self, client: str, online: bool, now: datetime) -> None:
        """Notes what an account's presence topic says; without one, it counts as online."""
        if not Caller(client).is_gateway:
            self._presence.note(client, online, now)

    def note_hearing(self, *, all_brokers: bool) -> None:
        """Notes whether this service hears all brokers: if not, one that does has to lead."""
        self._hearing.note(self._clock().elapsed, all_brokers=all_brokers)

    def work(
        self, now: datetime, clients_time: datetime | None = None, collect: Callable[[], None] | None = None
    ) -> BatchResult:
        """Decides a batch of requests, and lets time pass. Requests expire by the clients' time.

        What has arrived while it waited for its turn is collected, and decided in the same turn.
        """
        clients_time = clients_time or now
        result = BatchResult(answers=self._admission.take_refusals())
        requests = list(self._admission.take(self._limits.batch_requests))
        if self._pause is not None and self._clock().elapsed < self._pause:
            _refuse(unexpired(requests, clients_time, result), result)
            return result
        moment = Moment(now, clients_time, self._clock)
        try:
            self._state.make_room(now, self._limits.deduplication.age, self._history_months)
            for made in (
                *self._leader_work.work(now, clients_time),  # an account that is back has not failed
                self._due.let_time_pass(now, clients_time),
            ):
                if made is not None:
                    self._committed(made, result)
            if requests:
                self._await_turn(requests, moment, collect)
                self._settling.settle(requests, moment, result)
        except (WriteFailed, SyncFailed) as error:
            moment.advance()
            self._rest(error)
            _refuse(unexpired(requests, moment.clients_time, result), result)
        else:
            self._is_back()
            self._meetings.report(result)
        finally:
            self._turn.end()
        return result

    def _await_turn(
        self, requests: list[Incoming], moment: Moment, collect: Callable[[], None] | None
    ) -> None:
        """Adds what has arrived meanwhile: a turn with twice as many requests takes little more time."""
        if self._turn.wait(moment.now):
            if collect is not None:
                collect()
            requests += self._admission.take(self._limits.batch_requests - len(requests))
            moment.advance()

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
            self._meetings.meet(self._clock().elapsed)
        except StoreError as error:
            self._rest(error)

    def counts(self, now: datetime) -> NetworkCounts:
        """How many records there are of each kind, as of some seconds ago, because counting takes long."""
        if self._pause is None:
            self._counts.refresh(now, self._clock().elapsed)
        return self._counts.latest

    def close(self, now: datetime) -> None:
        """Ends the connection. Everything is in the database already."""
        self.maintain(now)
        if self._pause is None and self._events.all_delivered:
            try:
                with self._state.peers() as peers:
                    peers.leave()
            except StoreError as error:
                log.warning(
                    "the other services take this one for dead, because the database failed: %s", error
                )
        self._state.close()

    def _committed(self, made: Committed, result: BatchResult) -> None:
        self._events.committed(made.batch.changes, made.written)
        for changes in made.batch.changes:
            self._presence.look_again(station.owner for station in changes.stations)
        result.changes += made.batch.changes
        result.steps += made.batch.steps

    def _rest(self, error: StoreError) -> None:
        """The database has failed."""
        log.error("requests get STORAGE for %g s: %s", PAUSE.total_seconds(), error)
        self._pause = self._clock().elapsed + PAUSE

    def _turn_away(self, incoming: Incoming) -> Answer:
        """Answers a request for which there is no room. BUSY says that nothing has happened, so it would be
        wrong if an earlier delivery waits or may be committed.
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
