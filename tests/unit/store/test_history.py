"""The history on a disk that fails to sync the name of a new file."""

import errno
import json
from datetime import timedelta

import pytest

from cloud_service.store.file_store import FileStore
from tests.faults.power_loss import SimulatedFolder
from tests.unit.core.samples import NOW
from tests.unit.store.samples import (
    booking,
    cancellation,
    checkpoint,
    checkpoint_input,
    open_store,
    registration,
)

HISTORY = "history-2026-03.jsonl"


class FailingOnce:
    """The first sync of the names after a sync of the history fails."""

    def __init__(self) -> None:
        self.due = self.done = False

    def __call__(self, operation: str, name: str) -> OSError | None:
        if operation == "sync" and name == HISTORY:
            self.due = not self.done
        elif operation == "sync names" and self.due:
            self.due, self.done = False, True
            return OSError(errno.EIO, "as the test wants it")
        return None


def ending(folder: SimulatedFolder) -> FileStore:
    """A store with a reservation that ended, not in the history yet."""
    store, _ = open_store(folder)
    store.append([registration(), booking(), cancellation()], [], 0, NOW)
    return store


def stopped(took_away: bool) -> SimulatedFolder:
    """A new folder, or one whose history an operator took away."""
    folder = SimulatedFolder()
    if took_away:
        store = ending(folder)
        store.close(checkpoint_input(open_store(SimulatedFolder(folder.files()))[1]), NOW)
        folder = SimulatedFolder({name: data for name, data in folder.files().items() if name != HISTORY})
    return folder


@pytest.mark.parametrize("took_away", [False, True])
def test_a_name_whose_sync_failed_is_made_anew(took_away: bool) -> None:
    folder = stopped(took_away)
    store = ending(folder)
    folder.trouble = trouble = FailingOnce()
    state = checkpoint_input(open_store(SimulatedFolder(folder.files()))[1])
    checkpoint(store, state, NOW)
    assert trouble.done
    checkpoint(store, state, NOW + timedelta(hours=1))
    image = folder.image()
    for operation in folder.log:
        image.apply(operation)
    lines = image.survivors(False)[HISTORY].splitlines()
    assert [json.loads(line)["sequence"] for line in lines] == [store.sequence]
