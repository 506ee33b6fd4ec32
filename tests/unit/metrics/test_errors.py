"""The errors of the last hour, as a process counts what it logs."""

import logging
from collections.abc import Iterator

import pytest

from cloud_service.metrics.errors import RecentErrors

log = logging.getLogger(__name__)
HOUR = 3600.0


@pytest.fixture
def errors() -> Iterator[RecentErrors]:
    found = RecentErrors()
    with found.counting():
        yield found


def logged(level: int, at: float) -> None:
    record = log.makeRecord(log.name, level, __file__, 0, "something", (), None)
    record.created = at
    log.handle(record)


def test_errors_are_counted_for_an_hour(errors: RecentErrors) -> None:
    for at in (0, 1, 100, 1800):
        logged(logging.ERROR, at)
    assert errors.in_last_hour(1800) == 4
    assert errors.in_last_hour(HOUR) == 2, "those of the first minute are an hour old"
    assert errors.in_last_hour(3 * HOUR) == 0


def test_only_errors_count(errors: RecentErrors) -> None:
    logged(logging.WARNING, 0)
    logged(logging.CRITICAL, 0)
    assert errors.in_last_hour(0) == 1


def test_afterwards_nothing_is_counted(errors: RecentErrors) -> None:
    other = RecentErrors()
    with other.counting():
        pass
    logged(logging.ERROR, 0)
    assert (errors.in_last_hour(0), other.in_last_hour(0)) == (1, 0)
