"""A service in this process whose disk fails at a chosen operation, and what it may answer."""

import errno
import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random

from msgspec import Struct

from cloud_service.protocol.messages import Message
from cloud_service.service.engine.engine import Engine
from cloud_service.service.engine.limits import EngineLimits
from cloud_service.store.file_store import StoreOptions
from tests.faults.traffic import START, Traffic
from tests.faults.witness import Possible, Witness, check, possible_at, read
from tests.kit.simulated_disk import SimulatedFolder, no_trouble
from tests.kit.waiting import wait_until

TURNS = 24


class FailingFrom:
    """Makes `lasting` operations fail, beginning with number `first`. A full disk still truncates files.

    With `short`, the first of them is an append that writes this many bytes; those after it fail. With `cut`,
    the next truncate fails as well.
    """

    def __init__(
        self,
        first: int,
        lasting: int,
        number: int = errno.EIO,
        *,
        short: int | None = None,
        cut: bool = False,
    ) -> None:
        self.kinds: list[str] = []
        """The kinds of all operations so far."""
        self.failed: Counter[str] = Counter()
        self._first, self._lasting, self._number = first, lasting, number
        self._short, self._cut = short, cut

    def __call__(self, operation: str, name: str) -> OSError | int | None:
        if operation == "read":
            return None
        at = len(self.kinds)
        self.kinds.append(operation)
        if at == self._first and self._short is not None:
            assert operation == "append"
            short, self._short = self._short, None
            self._first += 1
            return short
        cut = self._cut and operation == "truncate" and bool(self.failed)
        if not cut and not self._first <= at < self._first + self._lasting:
            return None
        if operation == "truncate" and self._number == errno.ENOSPC:
            return None
        self._cut = self._cut and not cut
        self.failed[operation] += 1
        return OSError(self._number, "as the test wants it")


class Life(Struct):
    folder: SimulatedFolder
    operations: list[str]
    """The kinds of the operations before the disk worked again."""
    refused: int
    now: datetime


def live(trouble: FailingFrom) -> Life:
    """Runs a service through two checkpoints. Then the disk works, and refused requests are sent again."""
    folder = SimulatedFolder()
    witness = Witness(folder, StoreOptions(checkpoint_seconds=600))
    now = START
    service = Engine(witness, EngineLimits(), now)
    traffic = Traffic(Random(2), vehicles=4)
    folder.trouble = trouble
    waiting: list[Message] = []
    refused = 0

    def turn(messages: list[Message]) -> None:
        nonlocal refused, waiting
        for message in messages:
            service.take_in(message, message, now.timestamp())
        failed_writes = witness.failed_writes
        answers = service.work(now).answers
        witness.hear(answers)
        unwritten = witness.answered - witness.certain.remembered
        assert not unwritten, f"answered, and not on disk: {unwritten}"
        assert service.network.tables == witness.certain.tables, "the network in memory is not that on disk"
        if witness.failed_writes > failed_writes:
            check(read(SimulatedFolder(folder.files()), now), Possible(witness.certain))
        service.maintain(now)
        wait_until(lambda: not witness.store.checkpointing, "the checkpoint is made")
        waiting = [answer.delivery for answer in answers if status(answer.reply) in ("STORAGE", "INTERNAL")]
        assert not [answer for answer in answers if status(answer.reply) == "INTERNAL"]
        refused += len(waiting)

    for _ in range(TURNS):
        now += timedelta(minutes=3)
        turn([*waiting, traffic.next(), traffic.next()])
    operations = list(trouble.kinds)
    folder.trouble = no_trouble
    for _ in range(4):
        now += timedelta(minutes=20)
        turn(waiting)
    assert not waiting, "the service did not recover without help"
    return Life(folder, operations, refused, now)


def status(reply: Message | None) -> str:
    assert reply is not None
    body = json.loads(reply.payload)
    return "ok" if body["ok"] else str(body["error"]["code"])


def operations_by_kind(step: int) -> dict[str, list[int]]:
    """The numbers of the operations in a life without faults: every `step`-th of each kind."""
    numbers: dict[str, list[int]] = {}
    for number, kind in enumerate(live(FailingFrom(0, lasting=0)).operations):
        numbers.setdefault(kind, []).append(number)
    assert numbers.keys() == {"append", "create", "remove", "rename", "sync", "sync names"}
    return {kind: numbers[kind][::step] for kind in sorted(numbers)}


def check_faults(troubles: Sequence[FailingFrom]) -> int:
    """Raises AssertionError if a promise is broken. Returns how many replies were STORAGE."""
    refused = 0
    for trouble in troubles:
        life = live(trouble)
        assert trouble.failed, "nothing failed"
        refused += life.refused
        image = life.folder.image()
        for operation in life.folder.log:
            image.apply(operation)
        for kept in (True, False):
            folder = SimulatedFolder(image.survivors(kept))
            check(read(folder, life.now), possible_at(life.folder.log, len(life.folder.log)))
    assert refused
    return refused
