"""EIO and ENOSPC at every operation that the store makes, once and lasting, as the service lives with them.

A service in this process goes through the same requests with a fault at one operation after the other.
Whatever it answers holds; whatever it refuses with STORAGE after a failed write changed nothing; once the
disk is well again, so is the service, by itself.
"""

import errno
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from random import Random

import pytest
from msgspec import Struct

from cloud_service.protocol.messages import Message
from cloud_service.service import Service, ServiceLimits
from cloud_service.store.file_store import StoreOptions
from tests.conftest import Scale
from tests.faults.power_loss import SimulatedFolder
from tests.faults.traffic import START, Traffic
from tests.faults.witness import Witness, check, possible_at, read
from tests.harness import wait_until

TURNS = 24
KINDS = {
    "EIO": (errno.EIO, None),
    "ENOSPC": (errno.ENOSPC, None),
    "ENOSPC after a short write": (errno.ENOSPC, 50),
}


class FailingFrom:
    """From the operation of this number on so many fail as `lasting` says.

    With `short` the first of them, if it is an append, writes so many bytes only, and then they fail.
    """

    def __init__(self, first: int, lasting: int, number: int, short: int | None) -> None:
        self.count = 0
        self._first, self._lasting, self._number, self._short = first, lasting, number, short

    def __call__(self, operation: str, name: str) -> OSError | int | None:
        if operation == "read":
            return None
        at, self.count = self.count, self.count + 1
        if operation == "append" and at == self._first and self._short is not None:
            short, self._short = self._short, None
            self._first += 1
            return short
        if not self._first <= at < self._first + self._lasting:
            return None
        return OSError(self._number, "as the test wants it")


class Life(Struct):
    folder: SimulatedFolder
    operations: int
    refused: int
    now: datetime


def live(trouble: FailingFrom) -> Life:
    """A service through two checkpoints. Then the disk is well, and what was refused is asked again."""
    folder = SimulatedFolder()
    witness = Witness(folder, StoreOptions(checkpoint_seconds=600))
    now = START
    service = Service(witness, ServiceLimits(), now)
    traffic = Traffic(Random(2), vehicles=4)
    folder.trouble = trouble
    waiting: list[Message] = []
    refused = 0

    def turn(messages: list[Message]) -> None:
        nonlocal refused, waiting
        for message in messages:
            service.take_in(message, message, now.timestamp())
        answers = service.work(now).answers
        service.maintain(now)
        wait_until(lambda: not witness.store.folding, "the checkpoint is made")
        waiting = [answer.ticket for answer in answers if status(answer.reply) in ("STORAGE", "INTERNAL")]
        assert not [answer for answer in answers if status(answer.reply) == "INTERNAL"]
        refused += len(waiting)

    for _ in range(TURNS):
        now += timedelta(minutes=3)
        turn([*waiting, traffic.next(), traffic.next()])
    operations = trouble.count
    folder.trouble = FailingFrom(0, 0, 0, None)
    for _ in range(4):
        now += timedelta(minutes=20)
        turn(waiting)
    assert not waiting, "not well again by itself"
    assert service.network.tables == witness.certain.tables, "the network in memory is not that on disk"
    return Life(folder, operations, refused, now)


def status(reply: Message | None) -> str:
    assert reply is not None
    body = json.loads(reply.payload)
    return "ok" if body["ok"] else str(body["error"]["code"])


def check_fault_at_every_operation(
    number: int, lasting: int, short: int | None, step: int = 1
) -> tuple[int, int]:
    """Raises where a promise is broken. How many operations failed in turn, and how many answers STORAGE."""
    operations = live(FailingFrom(0, 0, number, None)).operations
    assert operations > 100
    refused = 0
    for first in range(0, operations, step):
        life = live(FailingFrom(first, lasting, number, short))
        refused += life.refused
        image = life.folder.image()
        for operation in life.folder.log:
            image.apply(operation)
        for kept in (True, False):
            folder = SimulatedFolder(image.survivors(kept))
            check(read(folder, life.now), possible_at(life.folder.log, len(life.folder.log)))
    assert refused
    return len(range(0, operations, step)), refused


@pytest.mark.parametrize("lasting", [1, 5, 40])
@pytest.mark.parametrize("kind", KINDS)
def test_a_fault_at_every_operation(
    kind: str, lasting: int, scale: Scale, figure: Callable[[str], None]
) -> None:
    number, short = KINDS[kind]
    operations, refused = check_fault_at_every_operation(number, lasting, short, scale(share=5, full=1))
    figure(
        f"disk faults: {kind} at each of {operations} operations, {lasting} in a row:"
        f" {refused} answers STORAGE, nothing lost, well again by itself"
    )
