"""How the database fails, as far as it matters to whoever uses it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import psycopg
from psycopg import errors

from cloud_service.core.view import NetworkUnreadable
from cloud_service.store.errors import SyncFailed, WriteFailed

_CONFLICTS = (
    errors.SerializationFailure,
    errors.DeadlockDetected,
    errors.UniqueViolation,
    errors.ExclusionViolation,
    errors.ForeignKeyViolation,
    errors.LockNotAvailable,  # by NOWAIT
)
_FAILED: Final = "the database failed: {error}"
_FAULTS = (errors.DataError, errors.IntegrityError, errors.ProgramLimitExceeded, UnicodeError, OverflowError)


class Conflict(Exception):
    """Another service has changed the same rows. Nothing was changed; deciding again will see its changes."""


class Unwritable(Exception):
    """The database will never accept what a batch would write or look up. Nothing was changed."""


class GivenUp(WriteFailed):
    """A statement waited too long for another service's lock. The connection is still usable."""


class TookTooLong(GivenUp):
    """A statement had too much to do. The connection is still usable."""


@contextmanager
def failures() -> Iterator[None]:
    """Raises Conflict, Unwritable or a kind of WriteFailed for what psycopg raises within the block.

    Nothing was changed then.
    """
    try:
        yield
    except (psycopg.Error, NetworkUnreadable, UnicodeError, OverflowError) as error:
        cause = _cause(error)
        if isinstance(cause, errors.QueryCanceled):
            raise TookTooLong(_FAILED, error=_first_line(cause)) from error
        if _waited_too_long(cause):
            raise GivenUp(_FAILED, error=_first_line(cause)) from error
        if isinstance(cause, _CONFLICTS):
            raise Conflict(str(cause)) from error
        if isinstance(cause, _FAULTS):
            raise Unwritable(_first_line(cause)) from error
        raise WriteFailed(_FAILED, error=_first_line(cause)) from error


@contextmanager
def failures_of_commit() -> Iterator[None]:
    """The same for a commit: SyncFailed says that nobody knows whether it took effect."""
    with failures():
        try:
            yield
        except _CONFLICTS:
            raise
        except psycopg.OperationalError as error:
            raise SyncFailed(
                "the database did not confirm a commit: {error}", error=_first_line(error)
            ) from error


def _cause(error: Exception) -> BaseException:
    return error.__cause__ or error if isinstance(error, NetworkUnreadable) else error


def _waited_too_long(error: BaseException) -> bool:
    """Whether lock_timeout, and not NOWAIT, has ended a wait: both have the same code."""
    return isinstance(error, errors.LockNotAvailable) and error.diag.source_function == "ProcessInterrupts"


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
