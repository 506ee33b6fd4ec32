"""Of two services at one broker, the younger one finds that it is the second."""

from datetime import timedelta

from cloud_service.service.second_service import MARK_SECONDS, SecondServiceCheck
from tests.unit.service.engine.bench import NOON

TOPIC = "recharge/v1/reply/cloud_service/running"
SECOND = timedelta(seconds=1)


def test_the_younger_of_two_that_run_is_the_second() -> None:
    older, younger = SecondServiceCheck(TOPIC, NOON), SecondServiceCheck(TOPIC, NOON + SECOND)
    older.receive(younger.mark(NOON + 2 * SECOND).payload)
    assert not older.is_second
    younger.receive(older.mark(NOON + 3 * SECOND).payload)
    assert younger.is_second


def test_the_mark_of_a_service_that_ran_before_is_no_reason_to_stop() -> None:
    before, after = SecondServiceCheck(TOPIC, NOON), SecondServiceCheck(TOPIC, NOON + 2 * SECOND)
    after.receive(before.mark(NOON + SECOND).payload)
    assert not after.is_second


def test_its_own_mark_and_what_is_not_a_mark_are_no_reason_either() -> None:
    check = SecondServiceCheck(TOPIC, NOON)
    for payload in (check.mark(NOON + SECOND).payload, b"", b"{}", b"[" * 5_000, b'{"since": 1, "now": 2}'):
        check.receive(payload)
    assert not check.is_second


def test_the_broker_keeps_a_mark_for_a_few_seconds() -> None:
    mark = SecondServiceCheck(TOPIC, NOON).mark(NOON)
    assert (mark.topic, mark.retain, mark.expiry) == (TOPIC, True, MARK_SECONDS)
