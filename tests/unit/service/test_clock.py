"""How fast time passes in the network."""

from datetime import UTC, datetime, timedelta

from cloud_service.service.clock import Pace

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_time_passes_as_fast_as_elsewhere_unless_it_is_told() -> None:
    assert Pace(NOON).at(NOON + timedelta(minutes=1)) == NOON + timedelta(minutes=1)


def test_a_minute_takes_a_second() -> None:
    pace = Pace(NOON, 60)
    assert pace.at(NOON) == NOON
    assert pace.at(NOON + timedelta(seconds=20)) == NOON + timedelta(minutes=20)
