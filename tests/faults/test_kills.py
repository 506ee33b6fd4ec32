"""The service killed under load: at random moments, while it recovers, at each operation on its folder."""

import signal
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from time import sleep

import pytest

from tests.faults.checker import check_run, stop_and_check
from tests.faults.crashing_service import KINDS, moments, spoiled
from tests.faults.fast_time import FastStack
from tests.faults.load import Load
from tests.faults.stories import summary
from tests.kit.processes import Stack
from tests.kit.scale import Scale
from tests.kit.waiting import wait_until

IN_TURN = 25
"""Kills per network; then the checker runs."""
ALL = {
    "append": range(1, 121),
    "sync": range(1, 111),
    "truncate": range(1, 13),
    "open": range(1, 91),
    "rename": range(1, 61),
    "remove": range(1, 13),
    "names": range(1, 61),
}
"""The operations at which a service ends, by kind and number: before and after each, and within appends."""
SHARE = {
    "append": (5, 30),
    "sync": (4, 29),
    "truncate": (2,),
    "open": (9,),
    "rename": (8,),
    "remove": (1,),
    "names": (9,),
}
SETTLING = [
    (kind, moment, number)
    for kind, most in (("append", 2), ("sync", 3), ("open", 3), ("rename", 2), ("names", 3))
    for number in range(1, 1 + most)
    for moment in moments(kind)
]
"""The same of a recovery: a torn line goes into a file, the journal is rewritten, a segment begun."""


def run_until_killed(stack: Stack, load: Load, kind: str, moment: str, number: int) -> str:
    """Runs a service that ends at the operation of this kind and number on its folder; returns its log."""
    mortal = spoiled(stack, kind, moment, number)
    mortal.log.unlink(missing_ok=True)
    mortal.start()

    def ended() -> bool:
        load.check()
        return not mortal.running

    wait_until(ended, f"it ends {moment} {kind} {number}")
    log = mortal.log.read_text()
    assert mortal.stop() == -signal.SIGKILL, log[-4000:]
    assert "Traceback" not in log, log
    return log


def kill_in_recovery(stack: Stack, load: Load, first: int, random: Random) -> None:
    """Ends services at one of their first operations until one was still reading its folder.

    With a torn line each operation that sets it aside is tried; without one it may be a read as well.
    """
    for turn in range(first, first + 50):
        if turn % 2:
            tear(stack.data_dir)
            point = SETTLING[turn // 2 * 5 % len(SETTLING)]
        else:
            most = 8 + sum(1 for _ in stack.data_dir.iterdir())
            point = "any", random.choice(moments("any")), random.randint(2, most)
        log = run_until_killed(stack, load, *point)
        if "reading the data folder" in log and " read in" not in log:
            return
    raise AssertionError("no service was ended during its recovery")


def tear(data_dir: Path) -> None:
    """Leaves a part of a line at the journal's end, as a kill or a power loss may."""
    newest = max(data_dir.glob("journal-*.jsonl"))
    with newest.open("ab") as journal:
        journal.write(b'{"checksum":"0123')


@pytest.mark.timeout(3600)
def test_service_killed_at_random_moments(
    tmp_path: Path, scale: Scale, figure: Callable[[str], None]
) -> None:
    kills, again = scale(share=8, full=300), scale(share=4, full=100)
    answered = repeated = done = done_again = 0
    happened = Counter[str]()
    while done < kills:
        random = Random(done)
        stack = FastStack(tmp_path / str(done), checkpoint_seconds="30")
        with stack:
            with Load(stack, seed=done) as load:
                for _ in range(min(IN_TURN, kills - done)):
                    sleep(random.uniform(0, 0.5))
                    stack.service.kill()
                    done += 1
                    if done_again * kills < again * done:
                        kill_in_recovery(stack, load, done_again, random)
                        done_again += 1
                    stack.start_service()
                load.await_happenings()
            stack.service.kill()
            check_run(load, stack.data_dir)
            answered += load.answered
            repeated += load.repeated
            happened += load.happened
            stack.start_service()
            stop_and_check(stack, load)
    figure(
        f"service killed at random moments: {done}, and {done_again} times while it read its folder;"
        f" {answered} answers hold, {repeated} changes asked for twice took effect once; {summary(happened)}"
    )


@pytest.mark.timeout(7200)
def test_service_killed_at_each_operation_on_its_folder(
    tmp_path: Path, scale: Scale, figure: Callable[[str], None]
) -> None:
    """From the first operation to and beyond many checkpoints: before and after each, and within appends."""
    numbers = ALL if scale.full else SHARE
    points = [
        (kind, moment, number) for kind in KINDS for number in numbers[kind] for moment in moments(kind)
    ]
    assert len(points) >= scale(share=20, full=1_000)
    answered = 0
    happened = Counter[str]()
    for first in range(0, len(points), 100):
        stack = FastStack(tmp_path / str(first), checkpoint_seconds="6")
        with stack:
            with Load(stack, seed=first, pause=0.005) as load:
                stack.service.kill()
                for kind, moment, number in points[first : first + 100]:
                    run_until_killed(stack, load, kind, moment, number)
                stack.start_service()
                load.await_happenings()
            stack.service.kill()
            check_run(load, stack.data_dir)
            answered += load.answered
            happened += load.happened
            stack.start_service()
            stop_and_check(stack, load)
    counts = {kind: sum(point[0] == kind for point in points) for kind in KINDS}
    figure(
        f"service killed at {len(points)} points of its operations on its folder, before, within and after: "
        + ", ".join(f"{kind} {count}" for kind, count in counts.items())
        + f"; {answered} answers hold; {summary(happened)}"
    )
