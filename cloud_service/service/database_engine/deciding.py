"""Deciding requests in one transaction."""

from collections.abc import Sequence
from datetime import datetime

from cloud_service.core.changes import Changes
from cloud_service.database.effect import BatchToWrite
from cloud_service.database.errors import Conflict
from cloud_service.database.loaded_network import LoadedNetwork
from cloud_service.database.state import DatabaseState
from cloud_service.database.writing import Written
from cloud_service.protocol.incoming import Incoming
from cloud_service.protocol.replies import Outcome
from cloud_service.service.database_engine.answered_requests import AnsweredRequests
from cloud_service.service.database_engine.committed import Committed
from cloud_service.service.database_engine.due import DueWork
from cloud_service.service.database_engine.moment import Moment
from cloud_service.service.database_engine.preload import preload
from cloud_service.service.database_engine.turn import Turn
from cloud_service.service.engine.batch import Batch
from cloud_service.service.engine.decider import Decider
from cloud_service.service.engine.handlers import bind_handlers
from cloud_service.service.engine.limits import EngineLimits


class Deciding:
    """Has handlers decide requests on the part of the network that they need, and commits the decisions."""

    def __init__(self, state: DatabaseState, limits: EngineLimits, due: DueWork, turn: Turn) -> None:
        self._state = state
        self._limits = limits
        self._due = due
        self._handlers = bind_handlers(limits.rules)
        self._turn = turn

    def attempt(self, requests: Sequence[Incoming], moment: Moment, *, patient: bool = False) -> Committed:
        """Decides the first of these requests: a batch ends when it is large. A `patient` one gets more time.

        Raises what a transaction raises.
        """
        try:
            if self._turn.wait(moment.now):
                moment.advance()  # the wait may have taken seconds
            made = self._attempt(requests, moment.now, patient)
            self._turn.used(made.batch.changes, moment.now)
        finally:
            self._turn.end()
        return made

    def _attempt(self, requests: Sequence[Incoming], now: datetime, patient: bool) -> Committed:
        written = Written([])
        changes: Sequence[Changes] = ()
        try:
            with self._state.transaction(patient=patient) as (reader, writer):
                network = LoadedNetwork(reader, self._limits.rules)
                known = AnsweredRequests(reader, requests)
                preload(network, requests)
                decider = Decider(network, known, self._handlers, self._limits.max_result_bytes)
                with Batch(network, now) as batch:
                    self._decide(requests, batch, network, decider, now)
                    if batch.has_to_be_written:
                        records = tuple(batch.records.values())
                        changes = tuple(batch.changes)
                        written = writer.write(BatchToWrite(batch.changes, network, records, now))
                    batch.keep()
        except Conflict:
            self._turn.late(changes, now)
            raise
        return Committed(batch, written)

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

    @staticmethod
    def _decide_one(
        incoming: Incoming, batch: Batch, network: LoadedNetwork, decider: Decider, now: datetime
    ) -> Outcome:
        """Decides a request; once more if it loaded a point at which something was due already."""
        while True:
            loads, savepoint = network.loads, batch.savepoint
            outcome = decider.decide(incoming, batch, now, True)
            if network.loads == loads or network.first_due(now) is None:
                return outcome
            batch.undo_to(savepoint)
            batch.records.pop((incoming.client, incoming.identity or ""), None)
            batch.let_time_pass()
