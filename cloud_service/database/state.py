"""The network on PostgreSQL, as one service uses it: its connection, and transactions on it."""

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import date, datetime, timedelta
from typing import Final, LiteralString
from uuid import uuid4

import psycopg

from cloud_service.core.rules import DEFAULT_RULES, Rules
from cloud_service.database.connection import Database, connect, without_password
from cloud_service.database.errors import Conflict, GivenUp, Unwritable, failures, failures_of_commit
from cloud_service.database.migrations import require_schema
from cloud_service.database.peers import Peers
from cloud_service.database.preparing import prepare_schema
from cloud_service.database.reading import Reader
from cloud_service.database.rules import go_by
from cloud_service.database.writing import Writer
from cloud_service.store.errors import StoreError, WriteFailed
from cloud_service.store.history import months_before

log = logging.getLogger(__name__)

COUNT_SECONDS: Final = 60
PARTITIONS_EVERY: Final = timedelta(hours=1)
SHORTEST_MEMORY: Final = timedelta(hours=2)
"""Request IDs of midnight are in another table for as long. Known only there, they could not be answered."""


class DatabaseState:
    """Opens a connection when it is needed, and another one after that has failed."""

    def __init__(
        self, address: str, rules: Rules = DEFAULT_RULES, opened: Callable[..., Database] = connect
    ) -> None:
        """`rules` are what this service goes by."""
        self.name = uuid4().hex[:12]
        """Of this service, among those that use the same database."""
        self._address = address
        self._rules = rules
        self._opened = opened
        self._database: Database | None = None
        self._peers: Peers | None = None
        self._partitions_until: datetime | None = None

    def prepare(self, owner_address: str | None) -> None:
        """Brings the schema to this version's, and has the network go by this service's rules.

        Raises what prepare_schema and go_by raise.
        """
        prepare_schema(self._address, owner_address)
        go_by(self._address, self._rules)

    @contextmanager
    def transaction(self, *, patient: bool = False) -> Iterator[tuple[Reader, Writer]]:
        """A transaction on the network as it is at its first statement. The end of the block commits it.

        Raises Conflict if another service was first, Unwritable if the database refuses what was to be
        written, WriteFailed if it failed before the commit, SyncFailed if it did not confirm it, and
        WrongSchema. An exception in the block ends it without effect. A `patient` one gives its statements
        more time.
        """
        try:
            with failures():
                database, peers = self._connected()
                database.execute("BEGIN ISOLATION LEVEL REPEATABLE READ")
                with database.patience() if patient else nullcontext():
                    yield Reader(database), Writer(database, peers.instance)
            with failures_of_commit():
                database.execute("COMMIT")
        except GivenUp:
            self._roll_back()
            raise
        except StoreError:
            self.close()  # a server that takes no writes any more may still answer
            raise
        except BaseException:
            self._roll_back()
            raise

    @contextmanager
    def turn_at(self, stations: Sequence[int]) -> Iterator[list[int]]:
        """Waits until no other service is within such a block for one of these stations, and keeps it so.

        Gives those where another service was, and goes on if that takes too long. Raises WriteFailed if the
        database fails.
        """
        if not stations:
            yield []
            return
        with failures():
            database, peers = self._connected()
        try:
            with failures():
                crowded = peers.take_turn(stations)
        except GivenUp:
            crowded = list(stations)  # without a turn it may be late, which the database notices
        try:
            yield crowded
        finally:
            if database is self._database:  # another connection has no turn to end
                try:
                    peers.end_turn(stations)
                except psycopg.Error:
                    self.close()  # which ends the turn too

    @contextmanager
    def reading(self) -> Iterator[Reader]:
        """Reads what is committed at each statement. Raises WriteFailed if the database fails."""
        with self._statements() as (database, _):
            yield Reader(database)

    @contextmanager
    def peers(self) -> Iterator[Peers]:
        """This service's place among the others. Raises WriteFailed if the database fails."""
        with self._statements() as (_, peers):
            yield peers

    @property
    def leads(self) -> bool:
        """Whether this service leads."""
        return self._peers is not None and self._peers.leads

    def clock(self) -> datetime:
        """The database's time. Raises WriteFailed if it cannot be reached."""
        with self.reading() as reader:
            return reader.clock()

    def made_at(self) -> datetime:
        """When the network was created: if time passes faster, all services count from then.

        Raises WriteFailed.
        """
        with self.reading() as reader:
            return reader.made_at()

    def counts(self, absent_since: datetime | None) -> dict[str, int]:
        """How many records there are of each kind, on a connection of its own: any thread may ask.

        Raises WriteFailed.
        """
        with (
            failures(),
            connect(self._address, name="recharge counts", answer_seconds=COUNT_SECONDS) as database,
        ):
            return Reader(database).counts(absent_since)

    def forget_events(self, numbers: list[int]) -> None:
        """Removes events that all brokers have. Raises WriteFailed."""
        with self._statements() as (database, _):
            database.execute("DELETE FROM events WHERE number = ANY(%s)", [numbers], prepare=True)

    def make_room(self, now: datetime, remembered: timedelta, history_months: int) -> None:
        """Makes the partitions of the days to come, and drops those of requests that are forgotten and of
        history that is too old, if it is time for that. With 0 months, the history is kept.

        To be called before anything is written. A backup reads the tables for hours, and keeps everybody from
        making and dropping partitions. Raises WriteFailed only if that of this day is missing, and
        WrongSchema after an upgrade.
        """
        due = self._partitions_until
        if due is not None and now < due:
            return
        with self._statements() as (database, _):
            require_schema(database)
            database.execute("SELECT make_partitions(%s, 0)", [now])
        self._partitions_until = now + PARTITIONS_EVERY
        self._keep_partitions("SELECT make_partitions(%s, 2)", now)
        oldest_day = (now - max(remembered, SHORTEST_MEMORY)).date()
        self._keep_partitions("SELECT drop_partitions('requests', %s)", oldest_day)
        if history_months and due is not None:
            # The check before has to agree, so that a clock that is wrong for a moment removes nothing.
            oldest = _first_month(min(now, due - PARTITIONS_EVERY), history_months)
            self._keep_partitions("SELECT drop_partitions('history', %s)", oldest)

    def close(self) -> None:
        """Ends the connection."""
        database, self._database, self._peers = self._database, None, None
        if database is not None:
            with suppress(psycopg.Error):
                database.close()

    @contextmanager
    def _statements(self) -> Iterator[tuple[Database, Peers]]:
        """Statements that are committed one by one. Raises WriteFailed if the database fails."""
        try:
            with failures():
                yield self._connected()
        except (Conflict, Unwritable) as error:
            raise WriteFailed("the database failed: {error}", error=error) from error
        except GivenUp:
            raise
        except WriteFailed:
            self.close()
            raise

    def _keep_partitions(self, statement: LiteralString, moment: date) -> None:
        try:
            with self._statements() as (database, _):
                database.execute(statement, [moment])
        except WriteFailed as error:
            log.warning(
                "partitions could not be made or dropped, it is tried again in %g h: %s",
                PARTITIONS_EVERY / timedelta(hours=1),
                error,
            )

    def _connected(self) -> tuple[Database, Peers]:
        if self._database is None or self._peers is None or self._database.closed:
            self.close()
            database = self._opened(self._address, name=f"recharge service {self.name}")
            peers = Peers(database)
            try:
                require_schema(database)  # it may have been upgraded since the start
                peers.join(self._rules)
            except (psycopg.Error, StoreError):
                database.close()
                raise
            self._database, self._peers = database, peers
            log.info("connected to %s", without_password(self._address))
        return self._database, self._peers

    def _roll_back(self) -> None:
        """Ends a transaction without effect; if that is not possible, its connection."""
        if self._database is not None:
            try:
                self._database.execute("ROLLBACK")
            except psycopg.Error:
                self.close()


def _first_month(now: datetime, months: int) -> date:
    """The first day of the month that lies this many months before the current one."""
    return date.fromisoformat(f"{months_before(now, months)}-01")
