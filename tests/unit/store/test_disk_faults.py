"""EIO and ENOSPC at every operation of the store, once and several times in a row, under a running service.

A service in this process receives the same requests again and again, with a fault at a later operation each
time. Everything that it answers is on disk by then. What it refuses with STORAGE after a failed write changed
nothing. Once the disk works again, the service does too, without help.
"""

import errno
from collections.abc import Callable

import pytest

from tests.faults.disk_faults import FailingFrom, check_faults, operations_by_kind
from tests.kit.scale import Scale

ERRORS = {"EIO": errno.EIO, "ENOSPC": errno.ENOSPC}


@pytest.mark.parametrize("lasting", [1, 5, 40])
@pytest.mark.parametrize("error", ERRORS)
def test_a_fault_at_every_operation(
    error: str, lasting: int, scale: Scale, figure: Callable[[str], None]
) -> None:
    kinds = operations_by_kind(scale(share=5, full=1))
    firsts = [number for numbers in kinds.values() for number in numbers]
    refused = check_faults([FailingFrom(first, lasting, ERRORS[error]) for first in firsts])
    each = ", ".join(f"{len(numbers)} {kind}" for kind, numbers in kinds.items())
    figure(
        f"disk faults: {error} at each of {len(firsts)} operations ({each}), {lasting} in a row:"
        f" {refused} answers STORAGE, nothing lost, recovered without help"
    )


@pytest.mark.parametrize("lasting", [1, 5, 40])
def test_a_short_write_at_every_append(lasting: int, scale: Scale, figure: Callable[[str], None]) -> None:
    appends = operations_by_kind(scale(share=5, full=1))["append"]
    troubles = [FailingFrom(first, lasting, errno.ENOSPC, short=1) for first in appends]
    refused = check_faults(troubles)
    assert all(trouble.failed["append"] for trouble in troubles), "a write was not short"
    figure(
        f"disk faults: ENOSPC after a short write at each of {len(appends)} appends, {lasting} in a row:"
        f" {refused} answers STORAGE, nothing lost, recovered without help"
    )


def test_a_short_write_that_cannot_be_cut_off(scale: Scale, figure: Callable[[str], None]) -> None:
    appends = operations_by_kind(scale(share=5, full=1))["append"]
    troubles = [FailingFrom(first, lasting=1, short=1, cut=True) for first in appends]
    refused = check_faults(troubles)
    cuts = sum(trouble.failed["truncate"] for trouble in troubles)
    assert cuts
    figure(
        f"disk faults: EIO at each of {cuts} truncates after a short write:"
        f" {refused} answers STORAGE, nothing lost, recovered without help"
    )
