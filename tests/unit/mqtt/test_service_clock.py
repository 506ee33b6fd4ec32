"""What the service's presence tells about this machine's clock."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from cloud_service.mqtt.service_clock import ClockDifference, ServiceClock
from cloud_service.protocol.messages import Message
from cloud_service.protocol.presence import process_presence

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
AT_NOON = NOON.timestamp()


def presence(*, retain: bool = False, online: bool = True) -> Message:
    return replace(process_presence("cloud_service", online=online, since=NOON, now=NOON), retain=retain)


def after(*arrivals: float, retain: bool = False) -> ClockDifference | None:
    """What is known after messages that were written at noon and arrived at these seconds after noon."""
    clock = ServiceClock()
    for seconds in arrivals:
        clock.note(presence(retain=retain), AT_NOON + seconds)
    return clock.difference


def test_nothing_is_known_without_a_message() -> None:
    assert ServiceClock().difference is None


@pytest.mark.parametrize("seconds", [-9.0, -1.0])
def test_one_message_tells_that_the_clock_is_behind(seconds: float) -> None:
    assert after(seconds) == ClockDifference(seconds)


@pytest.mark.parametrize("seconds", [-0.9, 0.0, 0.9])
def test_a_small_difference_is_none(seconds: float) -> None:
    assert after(seconds, seconds) is None


def test_a_message_that_was_read_late_does_not_put_the_clock_ahead() -> None:
    assert after(9.0) is None
    assert after(9.0, 0.1) is None
    assert after(0.1, 9.0) is None


def test_two_messages_tell_that_the_clock_is_ahead() -> None:
    assert after(9.0, 9.2) == ClockDifference(9.0)


def test_a_retained_message_may_be_old_so_it_tells_only_that_the_clock_is_behind() -> None:
    assert after(-4.0, retain=True) == ClockDifference(-4.0, at_least=True)
    assert after(3600.0, 3600.0, retain=True) is None


def test_a_live_message_counts_for_more_than_a_retained_one() -> None:
    clock = ServiceClock()
    clock.note(presence(retain=True), AT_NOON - 4)
    clock.note(presence(), AT_NOON - 9)
    assert clock.difference == ClockDifference(-9.0)


def test_a_clock_that_was_set_is_right_after_two_messages() -> None:
    assert after(-9.0, 0.0, 0.0) is None


@pytest.mark.parametrize(
    "payload",
    [b"", b"no JSON", b'{"online":true}', b'{"online":true,"now":"noon"}', b'{"online":true,"now":""}'],
)
def test_what_tells_no_time_is_ignored(payload: bytes) -> None:
    clock = ServiceClock()
    clock.note(Message("recharge/v1/service/cloud_service", payload), AT_NOON - 9)
    clock.note(presence(online=False), AT_NOON - 9)
    assert clock.difference is None


def test_it_is_said_in_words() -> None:
    assert str(ClockDifference(-9.04)) == "this machine's clock is 9.0 s behind the service's"
    assert (
        str(ClockDifference(-4.2, at_least=True))
        == "this machine's clock is at least 4.2 s behind the service's"
    )
    assert str(ClockDifference(9.0)) == "this machine's clock is 9.0 s ahead of the service's"
