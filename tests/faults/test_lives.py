"""The life of reservations, beside a model that was written independently of the service.

Histories of all actions, presence, clocks from seconds to days, restarts, crashes and a failing disk.
The service and the model give the same answers and tell the same events; no two reservations of a point come
within five minutes; a vehicle has one; each one that has ended is in the history once, with its last state.
"""

from collections.abc import Callable

import pytest

from tests.faults.lives import check_lives
from tests.kit.scale import Scale


@pytest.mark.timeout(6 * 3600)
def test_lives(scale: Scale, figure: Callable[[str], None]) -> None:
    count = scale(share=100, full=10_000)
    check_lives(count)
    figure(f"the life of reservations, beside the model: {count} histories")
