"""When a client tries again, and what it says about the end of its connection."""

import itertools

import pytest

from cloud_service.mqtt.reconnection import (
    FIRST_PAUSE_SECONDS,
    LONGEST_CONTESTED_SECONDS,
    LONGEST_GUESS_SECONDS,
    LONGEST_PAUSE_SECONDS,
    LONGEST_REFUSED_SECONDS,
    Reconnection,
)
from cloud_service.mqtt.session import Loss

CLOSED = Loss("ended the connection: end of stream", "closed")
TAKEN_OVER = Loss("ended the connection: Session taken over", "taken over")
UNREACHABLE = Loss("cannot be reached: Connection refused")
REFUSED = Loss("refused the login: Not authorized", "refused")


def test_pauses_grow_while_nothing_answers_and_stay_short() -> None:
    reconnection = Reconnection("ana")
    reconnection.connected(0.0)
    pauses = [reconnection.retry(UNREACHABLE, 100.0).pause for _ in range(100)]
    assert pauses[0] <= FIRST_PAUSE_SECONDS
    assert pauses[4] > FIRST_PAUSE_SECONDS * 4
    assert LONGEST_PAUSE_SECONDS / 2 <= max(pauses) <= LONGEST_PAUSE_SECONDS


def test_pauses_begin_at_the_start_after_each_of_many_outages() -> None:
    reconnection = Reconnection("ana")
    for outage in range(20):
        now = 100.0 * outage
        reconnection.connected(now)
        first = reconnection.retry(CLOSED, now + 10.0)
        assert first.pause <= FIRST_PAUSE_SECONDS
        for _ in range(8):
            reconnection.retry(UNREACHABLE, now + 12.0)


def test_a_broker_that_restarts_often_is_no_rival() -> None:
    """It does not answer at first, however short its life was."""
    reconnection = Reconnection("ana")
    reconnection.connected(0.0)
    for now in range(2, 40, 2):
        retry = reconnection.retry(CLOSED, float(now))
        assert (retry.pause <= FIRST_PAUSE_SECONDS, retry.reason) == (True, CLOSED.reason)
        reconnection.retry(UNREACHABLE, now + 0.1)
        reconnection.connected(now + 0.5)


def test_a_session_taken_over_names_the_client_id_and_slows_down() -> None:
    reconnection = Reconnection("ana")
    pauses, now = [], 0.0
    for _ in range(10):
        reconnection.connected(now)
        retry = reconnection.retry(TAKEN_OVER, now + 0.1)
        assert "there is a second ana at this broker" in retry.reason
        pauses.append(retry.pause)
        now += retry.pause + 0.1
    assert pauses[0] <= 1.0
    assert LONGEST_CONTESTED_SECONDS / 2 <= pauses[-1] <= LONGEST_CONTESTED_SECONDS


@pytest.mark.parametrize("lasted", [0.0, 1.5, LONGEST_GUESS_SECONDS])
def test_two_clients_that_cut_each_other_off_notice_it_without_being_told(lasted: float) -> None:
    """The connection of the one lasts for as long as the other pauses."""
    reconnection = Reconnection("ana")
    now = 0.0
    reconnection.connected(now)
    reconnection.retry(CLOSED, now := now + 3600)
    pauses = []
    for _ in range(8):
        reconnection.connected(now)
        retry = reconnection.retry(CLOSED, now := now + lasted)
        assert f"after {lasted:.1f} s (is there a second ana at this broker?)" in retry.reason
        pauses.append(retry.pause)
    assert LONGEST_GUESS_SECONDS / 2 <= pauses[-1] <= LONGEST_GUESS_SECONDS


def test_a_new_client_that_is_cut_off_at_once_notices_it() -> None:
    reconnection = Reconnection("ana")
    reconnection.connected(0.0)
    assert "second ana" in reconnection.retry(CLOSED, 0.2).reason


def test_a_steady_connection_ends_the_contest() -> None:
    reconnection = Reconnection("ana")
    for now in itertools.islice(itertools.count(0.0, 0.5), 20):
        reconnection.connected(now)
        reconnection.retry(TAKEN_OVER, now + 0.1)
    reconnection.connected(100.0)
    assert reconnection.retry(CLOSED, 200.0).pause <= FIRST_PAUSE_SECONDS
    reconnection.connected(201.0)
    assert reconnection.retry(TAKEN_OVER, 201.1).pause <= 1.0


def test_a_refused_login_is_tried_ever_more_rarely() -> None:
    reconnection = Reconnection("ana")
    retries = [reconnection.retry(REFUSED, 0.0) for _ in range(10)]
    assert {retry.reason for retry in retries} == {REFUSED.reason}
    assert retries[0].pause <= FIRST_PAUSE_SECONDS
    assert LONGEST_REFUSED_SECONDS / 2 <= retries[-1].pause <= LONGEST_REFUSED_SECONDS
