"""A pause ends by the clock, and when the clock is set back."""

import pytest

from cloud_service.store.pause import Pause
from tests.kit.records import NOW, minutes


@pytest.mark.parametrize(("later", "over"), [(0, False), (4.9, False), (5, True), (6, True), (-0.1, True)])
def test_a_pause_of_five_minutes(later: float, over: bool) -> None:
    assert Pause.of(300, NOW).is_over(NOW + minutes(later)) is over


def test_a_pause_of_no_time_is_over() -> None:
    assert Pause.of(0, NOW).is_over(NOW)
