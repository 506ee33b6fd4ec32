"""The work of the leader: it tells the network about presence, and offers freed time again."""

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from cloud_service.database.effect import BatchToWrite
from cloud_service.database.errors import Conflict, TookTooLong
from cloud_service.database.loaded_network import LoadedNetwork
from cloud_service.database.state import DatabaseState
from cloud_service.service.database_engine.committed import Committed
from cloud_service.service.database_engine.hearing import Hearing
from cloud_service.service.database_engine.portion import Portion
from cloud_service.service.engine.batch import Batch
from cloud_service.service.engine.limits import EngineLimits
from cloud_service.service.engine.presence_notes import PresenceNotes
from cloud_service.store.errors import StoreError

log = logging.getLogger(__name__)

LOOK_EVERY: Final = timedelta(seconds=0.2)
MOST_ACCOUNTS: Final = 100
"""How many accounts' presence the network is told at a time."""
MOST_FREED: Final = 200
"""The largest number of points that are offered at a time."""
ASIDE: Final = timedelta(minutes=10)
"""How long an account is passed over if telling the network about it fails."""


class LeaderWork:
    """Tells the network which accounts are offline, and offers freed time to flexible reservations once more.

    A service that frees time does not see a reservation that another service makes at the same moment, and
    the other does not see the freed time. Some seconds later, both are visible.
    """

    def __init__(
        self, state: DatabaseState, limits: EngineLimits, presence: PresenceNotes, hearing: Hearing
    ) -> None:
        self._state = state
        self._limits = limits
        self._presence = presence
        self._hearing = hearing
        self._next_look: datetime | None = None
        self._accounts = Portion(MOST_ACCOUNTS)
        self._freed = Portion(MOST_FREED)
        self._aside: dict[str, datetime] = {}

    def work(self, now: datetime, clients_time: datetime) -> list[Committed]:
        """Does this work if it is time to. Raises WriteFailed or SyncFailed."""
        if not self._state.leads or (self._next_look is not None and clients_time < self._next_look):
            return []
        self._next_look = clients_time + LOOK_EVERY
        accounts = self._next_accounts(clients_time) if self._hearing.counts else []
        told = self._tell(accounts, now, clients_time) if accounts else None
        return [made for made in (told, self._offer(now)) if made is not None]

    def _next_accounts(self, clients_time: datetime) -> list[str]:
        self._aside = {name: until for name, until in self._aside.items() if until > clients_time}
        unsettled = (name for name in self._presence.unsettled if name not in self._aside)
        return [name for name, _ in zip(unsettled, range(self._accounts.size), strict=False)]

    def _tell(self, accounts: Sequence[str], now: datetime, clients_time: datetime) -> Committed | None:
        try:
            made = self._make_known(accounts, now)
        except Conflict:
            return None  # everything is still noted
        except Exception as error:
            if isinstance(error, StoreError) and not isinstance(error, TookTooLong):
                raise
            if not self._accounts.failed(len(accounts)):
                log.exception("the network cannot be told whether %s is offline", *accounts)
                self._aside[accounts[0]] = clients_time + ASIDE
            return None
        self._accounts.succeeded()
        return made

    def _make_known(self, accounts: Sequence[str], now: datetime) -> Committed | None:
        with self._state.transaction() as (reader, writer):
            self._presence.settle(reader.accounts(accounts))
            unsettled = set(self._presence.unsettled)
            left = [name for name in accounts if name in unsettled]
            if not left:
                return None
            network = LoadedNetwork(reader, self._limits.rules)
            network.load_owners(left)
            with Batch(network, now) as batch:
                for changes in list(self._presence.changes(network, left)):
                    batch.apply(changes)
                written = writer.write(BatchToWrite(batch.changes, network, (), now))
                batch.keep()
        self._presence.written(network, batch.changes, left)
        return Committed(batch, written)

    def _offer(self, now: datetime) -> Committed | None:
        try:
            made = self._make_offers(now)
        except Conflict:
            return None
        except Exception as error:
            if isinstance(error, StoreError) and not isinstance(error, TookTooLong):
                raise
            if not self._freed.failed(self._freed.size):
                log.exception("time that became free cannot be offered once more")
                with self._state.transaction() as (_, writer):
                    writer.take_freed(1)
            return None
        self._freed.succeeded()
        return made

    def _make_offers(self, now: datetime) -> Committed | None:
        with self._state.transaction() as (reader, writer):
            freed = writer.take_freed(self._freed.size)
            if not freed:
                return None
            network = LoadedNetwork(reader, self._limits.rules)
            with Batch(network, now) as batch:
                if network.has_flexible:
                    network.load(key[0] for key in freed)
                    batch.let_time_pass()
                    batch.offer(freed)
                written = writer.write(BatchToWrite(batch.changes, network, (), now))
                batch.keep()
        return Committed(batch, written)
