"""The condition of the store: what follows from what, and how long it lasts."""

from datetime import timedelta

from cloud_service.service.engine.store_condition import (
    LONGEST_LOAD_PAUSE_SECONDS,
    REST_SECONDS,
    WRITABLE,
    StoreCondition,
)
from tests.unit.service.engine.bench import NOON


def pause(condition: StoreCondition) -> float:
    assert condition.until is not None
    return (condition.until - NOON).total_seconds()


def test_a_writable_store_takes_writes_at_any_time() -> None:
    assert not WRITABLE.read_only
    assert not WRITABLE.waits_to_retry(NOON)
    assert not WRITABLE.may_load(NOON)


def test_after_a_failed_write_it_rests() -> None:
    resting = WRITABLE.write_failed(NOON)
    assert not resting.read_only
    assert resting.waits_to_retry(NOON)
    assert not resting.waits_to_retry(NOON + timedelta(seconds=REST_SECONDS))
    assert not resting.waits_to_retry(NOON - timedelta(hours=1)), (
        "a clock that is set back does not prolong the rest"
    )


def test_after_a_failed_sync_it_is_read_only_until_it_is_loaded() -> None:
    for before in (WRITABLE, WRITABLE.write_failed(NOON)):
        condition = before.sync_failed(NOON)
        assert condition.read_only
        assert not condition.waits_to_retry(NOON)
        assert not condition.may_load(NOON)
        assert condition.may_load(NOON + timedelta(seconds=1))
        assert condition.may_load(NOON - timedelta(hours=1)), "nor the pause before the next attempt"


def test_the_pause_between_attempts_to_load_grows() -> None:
    condition = WRITABLE.sync_failed(NOON)
    pauses = [pause(condition)]
    for _ in range(8):
        condition = condition.load_failed(NOON)
        pauses.append(pause(condition))
    assert pauses == [1, 2, 4, 8, 16, 32, *[LONGEST_LOAD_PAUSE_SECONDS] * 3]
    assert pause(WRITABLE.sync_failed(NOON)) == 1
