"""A batch: requests that are decided together and become one line of the journal."""

from types import TracebackType
from typing import Self

from cloud_service.core.changes import Changes
from cloud_service.core.network import Network
from cloud_service.protocol.incoming import Incoming
from cloud_service.protocol.replies import Outcome
from cloud_service.store.journal import RequestRecord


class Batch:
    """The decisions of a batch, as a context: leaving it undoes its changes, unless they were kept.

    Changes are applied to the network at once, so that each request sees those before it.
    """

    def __init__(self, network: Network) -> None:
        self.outcomes: list[tuple[Incoming, Outcome]] = []
        self.changes: list[Changes] = []
        self.records: dict[tuple[str, str], RequestRecord] = {}
        """The request records of the batch, by client and identity."""
        self._network = network
        self._undo: list[Changes] = []

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

    def apply(self, changes: Changes) -> None:
        """Makes the changes in the network."""
        if changes:
            self._undo.append(self._network.apply(changes))
            self.changes.append(changes)

    def keep(self) -> None:
        """Makes the changes permanent: the batch is on disk."""
        self._undo.clear()

    def undo(self) -> None:
        """Undoes all changes that were not kept."""
        while self._undo:
            self._network.apply(self._undo.pop())
