"""The history: each ending once, in the month of its event, whatever fails."""

import errno
import json
from datetime import timedelta

import pytest

from cloud_service.store.file_store import FileStore
from tests.kit.batches import (
    booking,
    cancellation,
    checkpoint,
    checkpoint_input,
    history_of,
    open_store,
    registration,
)
from tests.kit.records import NOW
from tests.kit.simulated_disk import SimulatedFolder

HISTORY = "history-2026-03.jsonl"


class FailingOnce:
    """Makes the first sync of the names after a sync of the history fail."""

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
    """A store with a reservation that ended and is not in the history yet."""
    store, _ = open_store(folder)
    store.append([registration(), booking(), cancellation()], [], 0, NOW)
    return store


def stopped(removed: bool) -> SimulatedFolder:
    """A new folder, or one whose history an operator removed in the month after."""
    folder = SimulatedFolder()
    if removed:
        store = ending(folder)
        state = checkpoint_input(open_store(SimulatedFolder(folder.files()))[1])
        store.close(state, NOW + timedelta(days=31))
        folder = SimulatedFolder({name: data for name, data in folder.files().items() if name != HISTORY})
    return folder


@pytest.mark.parametrize("removed", [False, True])
def test_a_file_whose_name_was_not_synced_is_created_again(removed: bool) -> None:
    folder = stopped(removed)
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


def test_each_ending_goes_into_the_history_of_its_month_once() -> None:
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    store.append([registration(), booking()], [], 0, NOW)
    store.append([cancellation(NOW)], [], 0, NOW)
    checkpoint(store, checkpoint_input(recovered), NOW)
    store.append([cancellation(NOW + timedelta(days=40))], [], 0, NOW)
    store.append([cancellation(NOW)], [], 0, NOW)
    store.close(checkpoint_input(recovered), NOW)
    assert history_of(folder, "2026-03") == [(2, "reservationCancelled"), (4, "reservationCancelled")]
    assert history_of(folder, "2026-04") == [(3, "reservationCancelled")]


def test_history_after_the_counted_bytes_is_cut_off() -> None:
    """It was written for a checkpoint that failed; the journal still has it."""
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    store.append([registration(), booking(), cancellation()], [], 0, NOW)
    folder = SimulatedFolder({**folder.files(), "history-2026-03.jsonl": b'{"half'})
    store, recovered = open_store(folder)
    store.close(checkpoint_input(recovered), NOW)
    assert history_of(folder, "2026-03") == [(1, "reservationCancelled")]


def test_a_removed_history_begins_again() -> None:
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    store.append([registration(), booking(), cancellation()], [], 0, NOW)
    store.close(checkpoint_input(recovered), NOW + timedelta(days=31))
    files = {name: data for name, data in folder.files().items() if not name.startswith("history")}
    folder = SimulatedFolder(files)
    store, recovered = open_store(folder)
    assert recovered.notes == [
        f"folder/{HISTORY} was removed, and with it the reservations that ended in that month"
    ]
    store.append([cancellation()], [], 0, NOW)
    store.close(checkpoint_input(recovered), NOW)
    assert history_of(folder, "2026-03") == [(2, "reservationCancelled")]
