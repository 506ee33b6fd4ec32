"""A connection to the database, with the limits of time without which a dead one would hold up everything."""

import logging
from typing import Any, Final, TypeAlias, cast

import psycopg
from psycopg import Connection
from psycopg.adapt import Loader
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from cloud_service.database.migrations import SCHEMA

log = logging.getLogger(__name__)

CONNECT_SECONDS: Final = 3
ANSWER_SECONDS: Final = 5
"""A statement, or data that nobody acknowledges, longer than this counts as a failure of the database."""
ABANDONED_SECONDS: Final = 10
"""When the database ends the transaction of a service that has gone silent, and with it its locks."""

Database: TypeAlias = Connection[TupleRow]


class _AsWritten(Loader):
    """Gives JSON as the bytes that it is: its numbers are decoded by whoever knows the record."""

    def load(self, data: bytes | bytearray | memoryview) -> bytes:
        return bytes(data)


def connect(address: str, *, name: str = "recharge") -> Database:
    """Opens a connection that commits each statement by itself, unless a transaction was begun.

    `address` is a URL or a connection string of libpq. With several hosts, the one that takes writes is used,
    unless the address says otherwise, so that a failover is followed. Raises psycopg.Error.
    """
    given: dict[str, Any] = conninfo_to_dict(address)
    options = (
        f"-c search_path={SCHEMA},public -c timezone=UTC -c client_min_messages=warning"
        f" -c statement_timeout={ANSWER_SECONDS}s -c lock_timeout={ANSWER_SECONDS - 1}s"
        f" -c idle_in_transaction_session_timeout={ABANDONED_SECONDS}s"
        # Of the server's side too: it has to notice that a service has gone, and let go of its locks.
        f" -c tcp_keepalives_idle={ANSWER_SECONDS} -c tcp_keepalives_interval=1"
        f" -c tcp_keepalives_count={ANSWER_SECONDS} -c tcp_user_timeout={ANSWER_SECONDS}s"
    )
    defaults = {
        "application_name": name,
        "connect_timeout": CONNECT_SECONDS,
        "target_session_attrs": "read-write",
        "tcp_user_timeout": ANSWER_SECONDS * 1000,
        "keepalives_idle": ANSWER_SECONDS,
        "keepalives_interval": 1,
        "keepalives_count": ANSWER_SECONDS,
    }
    given["options"] = f"{options} {given.get('options') or ''}".strip()
    connection = psycopg.connect(make_conninfo("", **cast(dict[str, Any], defaults | given)), autocommit=True)
    connection.adapters.register_loader("json", _AsWritten)
    return connection


def without_password(address: str) -> str:
    """The address for the log."""
    known = conninfo_to_dict(address)
    return make_conninfo("", **{key: value for key, value in known.items() if key != "password"})
