"""A connection to the database, with the limits of time without which a dead one would hold up everything."""

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
# It warns of each statement that fails within a pipeline, as those do where another service was first.
logging.getLogger("psycopg").setLevel(logging.ERROR)

CONNECT_SECONDS: Final = 3
ANSWER_SECONDS: Final = 5
"""A statement, or data that nobody acknowledges, longer than this counts as a failure of the database."""
GRACE_SECONDS: Final = 1
"""A service gives up this much later than the database would."""
LOCK_SHARE: Final = 0.8
"""Of that, a statement may wait this much for another service's lock: then the two can be told apart."""
PATIENCE: Final = 2
"""A request or a point that may be very large gets so many times as long. Its service hears no broker
meanwhile, and a broker waits 22 seconds for it.
"""
POLL_SECONDS: Final = 0.1
"""How often a wait for the database looks whether it was interrupted."""
ABANDONED_SECONDS: Final = 10
"""When the database ends the transaction of a service that has gone silent, and with it its locks."""
SILENT: Final = 6
"""After so many times of an answer it ends the connection of a service that is stopped or hangs: another one
takes its place. A service asks something every second.
"""

_PATIENT: Final = """
    SELECT set_config('statement_timeout', (1000 * %s * extract(
        epoch FROM current_setting('statement_timeout')::interval))::int::text, true)
"""
_SECRETS: Final = ("password", "sslpassword")

_Result = TypeVar("_Result")


class Database(Connection[TupleRow]):
    """A connection that is given up, if the database does not answer.

    The server's own limits do not hold where it has stopped, nor for a commit that waits for a standby.
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
            self.close()  # not a cancellation, which would have to reach the database too
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
    """Gives JSON as the bytes that it is: its numbers are decoded by whoever knows the record."""

    def load(self, data: bytes | bytearray | memoryview) -> bytes:
        return bytes(data)


def connect(
    address: str, *, name: str = "recharge", answer_seconds: float | None = ANSWER_SECONDS
) -> Database:
    """Opens a connection that commits each statement by itself, unless a transaction was begun.

    `address` is a URL or a connection string of libpq. With several hosts, the one that takes writes is used,
    unless the address says otherwise, so that a failover is followed. What takes longer than `answer_seconds`
    fails; with None, nothing does. Raises psycopg.Error.
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
        # Of the server's side too: it has to notice that a service has gone, and let go of its locks.
        f" -c tcp_keepalives_idle={ANSWER_SECONDS} -c tcp_keepalives_interval=1"
        f" -c tcp_keepalives_count={ANSWER_SECONDS} -c tcp_user_timeout={ANSWER_SECONDS}s"
    )


def without_password(address: str) -> str:
    """The address for the log."""
    known = conninfo_to_dict(address)
    return make_conninfo("", **{key: value for key, value in known.items() if key not in _SECRETS})
