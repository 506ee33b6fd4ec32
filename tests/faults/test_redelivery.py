"""What QoS 1 allows and clients do: deliveries twice and out of order, an ID from two connections or reused.

Histories of the service in this process, with crashes in between. Whatever is delivered, a request takes
effect once and always gets the same reply; no two reservations of a point come within five minutes.
"""

from collections.abc import Callable

import pytest

from tests.faults.histories import check_histories
from tests.kit.scale import Scale


@pytest.mark.timeout(3600)
def test_histories(scale: Scale, figure: Callable[[str], None]) -> None:
    count = scale(share=250, full=5_000)
    check_histories(count)
    figure(f"redelivery, reordering, IDs from two connections, IDs reused: {count} histories")
