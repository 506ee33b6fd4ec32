"""A connection to the database, with time limits, because a dead one would hold up everything."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any, Final, TypeVar, cast

import psycopg
from psycopg import Connection
from psycopg.abc import PQGen
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from cloud_service.database.migrations import SCHEMA

log = logging.getLogger(__name__)
# psycopg warns of each statement that fails within a pipeline, as happens when another service was first.
logging.getLogger("psycopg").setLevel(logging.ERROR)

CONNECT_SECONDS: Final = 3
ANSWER_SECONDS: Final = 5
"""A statement that takes longer than this, or data unacknowledged for longer, counts as a database failure.
"""
GRACE_SECONDS: Final = 1
"""How much later than the database a service gives up."""
LOCK_SHARE: Final = 0.8
"""The share of that time for which a statement may wait for a lock, so that the two causes can be told apart.
"""
PATIENCE: Final = 2
"""A request or a point that may be very large gets this many times as long. Its service hears no broker
meanwhile, and a broker waits 22 seconds for it.
"""
POLL_SECONDS: Final = 0.1
"""How often a wait for the database checks whether it was interrupted."""
ABANDONED_SECONDS: Final = 10
"""After this silence the database ends the transaction of a service, which releases its locks."""
SILENT: Final = 6
"""After this many times ANSWER_SECONDS, it ends the connection of a service that is stopped or hangs, so that
another one takes its place. A service sends a statement every second.
"""

_PATIENT: Final = """
    SELECT set_config('statement_timeout', (1000 * %s * extract(
        epoch FROM current_setting('statement_timeout')::interval))::int::text, true)
"""
_SECRETS: Final = ("password", "sslpassword")

_Result = TypeVar("_Result")


class Database(Connection[TupleRow]):
    """A connection that is given up if the database does not answer.

    The server's own limits do not help if the server has stopped, or for a commit that waits for a standby.
    """

    gives_up_after: float | None = None
    """In seconds."""

    def wait(
        self, gen: PQGen[_Result], interval: float = POLL_SECONDS, timeout: float | None = None
    ) -> _Result:
        """Waits for an answer, as psycopg does everywhere. Raises psycopg.OperationalError if none comes."""
        begun, limit = monotonic(), timeout or self.gives_up_after
        try:
            return super().wait(gen, interval, limit)
        except psycopg.OperationalError as error:
            if limit is None or monotonic() - begun < limit:
                raise
            self.close()  # no cancellation, because that would have to reach the database too
            raise psycopg.OperationalError(f"no answer within {limit:g} s") from error

    @contextmanager
    def patience(self) -> Iterator[None]:
        """Within the block, the statements of the transaction that has begun get more time."""
        limit = self.gives_up_after
        try:
            if limit is not None:
                self.gives_up_after = PATIENCE * limit
            self.execute(_PATIENT, [PATIENCE])
            yield
        finally:
            self.gives_up_after = limit


class _AsWritten(Loader):
    """Returns JSON undecoded, as bytes: the code that knows the record decodes its numbers."""

    def load(self, data: bytes | bytearray | memoryview) -> bytes:
        return bytes(data)


def connect(
    address: str, *, name: str = "recharge", answer_seconds: float | None = ANSWER_SECONDS
) -> Database:
    """Opens a connection that commits each statement by itself, unless a transaction was begun.

    `address` is a URL or a connection string of libpq. With several hosts, the one that accepts writes is
    used, unless the address says otherwise, so that the connection follows a failover. Statements that take
    longer than `answer_seconds` fail; None sets no limit. Raises psycopg.Error.
    """
    given: dict[str, Any] = conninfo_to_dict(address)
    defaults = {
        "application_name": name,
        "connect_timeout": CONNECT_SECONDS,
        "target_session_attrs": "read-write",
        "tcp_user_timeout": ANSWER_SECONDS * 1000,
        "keepalives_idle": ANSWER_SECONDS,
        "keepalives_interval": 1,
        "keepalives_count": ANSWER_SECONDS,
    }
    given["options"] = f"{_options(answer_seconds)} {given.get('options') or ''}".strip()
    connection = Database.connect(
        make_conninfo("", **cast(dict[str, Any], defaults | given)), autocommit=True
    )
    assert isinstance(connection, Database)
    if answer_seconds is not None:
        connection.gives_up_after = answer_seconds + GRACE_SECONDS
    connection.adapters.register_loader("json", _AsWritten)
    return connection


def _options(answer_seconds: float | None) -> str:
    milliseconds = 0 if answer_seconds is None else round(answer_seconds * 1000)
    return (
        f"-c search_path={SCHEMA},public -c timezone=UTC -c client_min_messages=warning"
        f" -c statement_timeout={milliseconds} -c lock_timeout={round(milliseconds * LOCK_SHARE)}"
        f" -c idle_in_transaction_session_timeout={ABANDONED_SECONDS}s"
        f" -c idle_session_timeout={SILENT * milliseconds}"
        # On the server's side too: it has to notice that a service has gone, and release its locks.
        f" -c tcp_keepalives_idle={ANSWER_SECONDS} -c tcp_keepalives_interval=1"
        f" -c tcp_keepalives_count={ANSWER_SECONDS} -c tcp_user_timeout={ANSWER_SECONDS}s"
    )


def without_password(address: str) -> str:
    """The address for the log."""
    known = conninfo_to_dict(address)
    return make_conninfo("", **{key: value for key, value in known.items() if key not in _SECRETS})
