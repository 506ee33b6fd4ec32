"""The OCPP gateway, the service and the broker killed in the middle of charges on OCPP."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from time import sleep

import pytest

from tests.faults.ocpp_posts import KILLED, STEPS, OcppPosts, check_charges, kill_and_start
from tests.kit.ocpp import OcppGatewayProcess
from tests.kit.processes import Stack
from tests.kit.scale import Scale

AT_MOST = 0.03
"""Seconds from a step to the kill: about as long as the step takes."""


@pytest.mark.timeout(3600)
def test_killed_in_the_middle_of_charges(tmp_path: Path, scale: Scale, figure: Callable[[str], None]) -> None:
    """Each of the three at each step of a charge, with a charger of each version of OCPP."""
    kills = scale(share=len(KILLED) * len(STEPS), full=300)
    random = Random(kills)
    with Stack(tmp_path) as stack, OcppGatewayProcess(stack) as gateway, OcppPosts(stack, gateway) as posts:
        for number in range(kills):
            killed = KILLED[number % len(KILLED)]
            with posts.charging(STEPS[number // len(KILLED) % len(STEPS)], random):
                sleep(random.uniform(0, AT_MOST))
                kill_and_start(killed, stack, gateway)
            if killed == "broker":
                posts.give_places()  # as docs/ocpp.md tells operators
        check_charges(stack, posts)
    each = Counter(KILLED[number % len(KILLED)] for number in range(kills))
    figure(
        "killed in the middle of charges on OCPP: "
        + ", ".join(f"{name} {count}" for name, count in each.items())
        + f"; {len(posts.charges)} charges have ended once, with their energy;"
        f" {posts.repeated} steps had to be told again"
    )
