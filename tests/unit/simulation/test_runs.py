"""Runs in several processes: no process outlives what it works for."""

import os
import subprocess
import sys
from datetime import UTC, datetime
from multiprocessing import active_children
from signal import SIGKILL
from threading import Event

import pytest
from msgspec import Struct

from cloud_service.simulation.policies import Policy
from cloud_service.simulation.runs import Plan, run_all
from cloud_service.simulation.scenario import Conditions, Place, Port, Scenario

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Interrupted(Exception):
    """The run was interrupted."""


class OneEndsAtOnce(Struct, frozen=True):
    """Nobody comes. The scenarios of all seeds but the first take for ever."""

    def scenario(self, seed: int) -> Scenario:
        if seed > 1:
            Event().wait()
        return Scenario((Place(0, 0, (Port(22, 1),)),), NOON, NOON, ())


PLAN = Plan(OneEndsAtOnce(), (Policy.named("nearest"),), (1, 2, 3), Conditions())


def interrupt() -> None:
    raise Interrupted


def killed() -> None:
    os.kill(os.getpid(), SIGKILL)


def test_an_interruption_ends_the_runs_under_way() -> None:
    with pytest.raises(Interrupted):
        run_all(PLAN, 2, interrupt)
    assert active_children() == []


def test_no_run_goes_on_when_the_command_is_killed() -> None:
    program = f"from {__name__} import PLAN, killed, run_all; run_all(PLAN, 2, killed)"
    # The runs have its output too, so it has ended only when all of them have.
    done = subprocess.run([sys.executable, "-c", program], stdout=subprocess.PIPE, timeout=300, check=False)
    assert done.returncode == -SIGKILL
