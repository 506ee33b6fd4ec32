"""A batch: requests that are decided together and become one line of the journal."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Self

from cloud_service.core.changes import Changes
from cloud_service.core.consequences import Consequences
from cloud_service.core.network import Network
from cloud_service.core.records import PointKey
from cloud_service.protocol.incoming import Incoming
from cloud_service.protocol.replies import Outcome
from cloud_service.store.journal import RequestRecord


class Batch:
    """The decisions of a batch, as a context: leaving it undoes its changes, unless they were kept.

    Changes are applied to the network at once, so that each request sees those before it.
    """

    def __init__(self, network: Network, now: datetime) -> None:
        self.outcomes: list[tuple[Incoming, Outcome]] = []
        self.changes: list[Changes] = []
        self.records: dict[tuple[str, str], RequestRecord] = {}
        """The request records of the batch, by client and identity."""
        self._network = network
        self._visits = network.visits
        self._undo: list[Changes] = []
        # A method of the batch would be a cycle: its requests would stay in memory until the cycle collector
        # finds them, which takes longer than to free them.
        apply = partial(_apply, network, self.changes, self._undo)
        self._consequences = Consequences(network, network.rules, now, apply)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.undo()

    @property
    def has_to_be_written(self) -> bool:
        """Whether anything of the batch must be on disk before its replies are sent."""
        return bool(self.changes or self.records)

    @property
    def undo_changes(self) -> Sequence[Changes]:
        """For each of `changes`, what undoes it, until they are kept."""
        return self._undo

    @property
    def steps(self) -> int:
        """How many steps the passing of time has made."""
        return self._consequences.steps

    @property
    def work(self) -> int:
        """How much the batch has looked at: stations, steps of the passing of time, and offers."""
        visits = self._network.visits - self._visits
        return visits + self._consequences.steps + self._consequences.offers

    @property
    def savepoint(self) -> int:
        """How many changes were made: what comes after them can be undone."""
        return len(self.changes)

    def apply(self, changes: Changes) -> None:
        """Makes the changes in the network, and what follows from them."""
        if changes:
            self._consequences.make(changes)

    def offer(self, points: Iterable[PointKey]) -> None:
        """Moves flexible reservations into time that these points may have."""
        self._consequences.offer(points)

    def let_time_pass(self, most_work: int | None = None) -> bool:
        """Makes what is due, until the batch has been this much work.

        Returns whether that is all of it; the rest waits for the next batch.
        """
        if most_work is None:
            return self._consequences.let_time_pass()
        return self._consequences.let_time_pass(lambda: self.work < most_work)

    def keep(self) -> None:
        """Makes the changes permanent: the batch is on disk."""
        self._undo.clear()

    def undo(self) -> None:
        """Undoes all changes that were not kept."""
        while self._undo:
            self._network.apply(self._undo.pop())

    def undo_to(self, savepoint: int) -> None:
        """Undoes the changes after a savepoint."""
        del self.changes[savepoint:]
        while len(self._undo) > savepoint:
            self._network.apply(self._undo.pop())
        self._consequences.undone(self.changes)


def _apply(network: Network, made: list[Changes], undo: list[Changes], changes: Changes) -> None:
    """Makes changes in the network, and adds them to those made and what undoes them to the others."""
    undo.append(network.apply(changes))
    made.append(changes)
