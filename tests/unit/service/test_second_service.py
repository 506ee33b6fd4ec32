"""Of two services at one broker, the younger one finds that it is the second."""

from datetime import datetime, timedelta

import pytest

from cloud_service.protocol.presence import process_presence
from cloud_service.service.second_service import CLOCKS_DIFFER, SecondServiceCheck
from tests.unit.service.engine.bench import NOON

SECOND = timedelta(seconds=1)
LATER = NOON + 10 * SECOND


def presence(since: datetime, now: datetime) -> bytes:
    return process_presence("cloud_service", online=True, since=since, now=now).payload


def connected_again(since: datetime) -> SecondServiceCheck:
    """A service that was started at `since`, and has lost its connection once."""
    check = SecondServiceCheck(since)
    check.connected()
    check.receive(presence(since, since), since)
    check.connected()
    return check


def test_the_younger_of_two_that_run_is_the_second() -> None:
    older, younger = connected_again(NOON), connected_again(NOON + SECOND)
    older.receive(presence(NOON + SECOND, NOON + 2 * SECOND), LATER)
    assert not older.is_second
    younger.receive(presence(NOON, NOON + 3 * SECOND), LATER)
    assert younger.is_second


def test_a_service_that_ran_before_is_no_reason_to_stop() -> None:
    check = connected_again(NOON + 2 * SECOND)
    check.receive(presence(NOON, NOON + SECOND), LATER)
    assert not check.is_second


@pytest.mark.parametrize(
    "payload",
    [
        presence(NOON, LATER),
        presence(NOON - SECOND, LATER + CLOCKS_DIFFER + SECOND),
        b"",
        b"{}",
        b"[" * 5_000,
        b'{"since": 1, "now": 2}',
    ],
)
def test_its_own_presence_and_what_cannot_be_true_are_no_reason_either(payload: bytes) -> None:
    check = connected_again(NOON)
    check.receive(payload, LATER)
    assert not check.is_second


def test_what_is_retained_before_the_first_connection_is_no_reason() -> None:
    check = SecondServiceCheck(NOON)
    check.connected()
    check.receive(presence(NOON - SECOND, LATER), LATER)
    assert not check.is_second


def test_only_the_first_presence_on_a_connection_counts() -> None:
    check = connected_again(NOON)
    check.receive(presence(NOON, NOON), LATER)
    check.receive(presence(NOON - SECOND, LATER), LATER)
    assert not check.is_second
