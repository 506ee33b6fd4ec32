"""A service in this process on a simulated disk, and what a power loss may leave of it."""

import errno
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

from msgspec import Struct

from cloud_service.service.engine.engine import Engine
from cloud_service.service.engine.limits import EngineLimits
from cloud_service.store.file_store import StoreOptions
from tests.faults.traffic import START, Traffic
from tests.faults.witness import Possible, Witness, check, possible_at, read
from tests.kit.simulated_disk import SimulatedFolder, Trouble, no_trouble, states
from tests.kit.waiting import wait_until


class Run(Struct, frozen=True):
    folder: SimulatedFolder
    ended: datetime


def run(random: Random, trouble: Trouble = no_trouble, turns: int = 40) -> Run:
    """A service's life of some hours, with checkpoints, which ends with or without a clean stop."""
    folder = SimulatedFolder()
    witness = Witness(folder, StoreOptions(checkpoint_seconds=600))
    now = START
    service = Engine(witness, EngineLimits(), now)
    folder.trouble = trouble
    traffic = Traffic(random)
    for _ in range(turns):
        now += timedelta(minutes=random.choice((0, 1, 5, 60)))
        for _ in range(random.randint(1, 4)):
            service.take_in(traffic.next(), None, now.timestamp())
        work = service.work(now)
        witness.hear(work.answers)
        for event in service.take_events(1_000):
            if random.random() < 0.8:
                service.acknowledged(event.receipt)
        service.maintain(now)
        if random.random() < 0.7:
            # Otherwise the next batches are written while the checkpoint is.
            wait_until(lambda: not witness.store.checkpointing, "the checkpoint is made")
    wait_until(lambda: not witness.store.checkpointing, "the last checkpoint is made")
    if trouble is no_trouble and random.random() < 0.3:
        service.close(now)
    return Run(folder, now)


def failing(random: Random) -> Trouble:
    """One operation in fifty fails, or is an append that takes less than all."""

    def trouble(operation: str, name: str) -> OSError | int | None:
        if operation == "read" or random.random() >= 0.02:
            return None
        if operation == "append" and random.random() < 0.7:
            return random.randint(0, 300)
        return OSError(random.choice((errno.EIO, errno.ENOSPC)), "as the test wants it")

    return trouble


def filling(random: Random) -> Trouble:
    """One line of the journal in five meets a full disk, most of them after a part of it was written."""
    full = False

    def trouble(operation: str, name: str) -> OSError | int | None:
        nonlocal full
        if operation != "append" or not name.startswith("journal"):
            return None
        if full or random.random() < 0.05:
            full = False
            return OSError(errno.ENOSPC, "as the test wants it")
        full = random.random() < 0.15
        return random.randint(1, 300) if full else None

    return trouble


DISKS: dict[str, Callable[[Random], Trouble]] = {
    "sound": lambda random: no_trouble,
    "failing": failing,
    "filling": filling,
}


def check_states(life: Run, random: Random, of_each: int) -> int:
    """Reads what power losses may leave, and what a second one leaves of that. Returns how many states."""
    count = 0
    for done, files in states(life.folder, random, of_each):
        possible = possible_at(life.folder.log, done)
        folder = SimulatedFolder(files)
        check(read(folder, life.ended), possible)
        count += 1
        if random.random() < 0.05:
            count += _check_second_loss(folder, possible, life.ended, random)
    return count


def _check_second_loss(folder: SimulatedFolder, possible: Possible, now: datetime, random: Random) -> int:
    _, files = random.choice(list(states(folder, random, 1)))
    check(read(SimulatedFolder(files), now), possible)
    return 1
