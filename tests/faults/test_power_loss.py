"""Power loss at any moment: the service in this process, on a folder that knows what a disk may forget.

Each run gives a log of operations. After each of them, and in many ways each, the power goes: what is left is
recovered and must be exactly what was promised, with or without the batch being written.
"""

from collections.abc import Callable
from random import Random

import pytest

from tests.faults.power_loss import DISKS, check_states, run
from tests.kit.scale import Scale


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("disk", DISKS)
def test_what_was_answered_survives(disk: str, scale: Scale, figure: Callable[[str], None]) -> None:
    wanted = scale(share=4_000, full=100_000)
    count, seed = 0, 0
    while count < wanted:
        random = Random(f"{disk} {seed}")
        life = run(random, DISKS[disk](random))
        try:
            count += check_states(life, random, of_each=2)
        except Exception as error:
            error.add_note(f"seed {seed}")
            raise
        seed += 1
    figure(f"power loss, {disk} disk, in process: {count} states of {seed} runs, nothing answered lost")
