"""The history: each ending once, in the month of its event, whatever fails."""

import errno
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from cloud_service.core.changes import Changes, Event
from cloud_service.store.checkpoint import read_checkpoint
from cloud_service.store.ended import Ended, read_ended
from cloud_service.store.file_store import FileStore, StoreOptions
from cloud_service.store.frozen_folder import FrozenFolder
from cloud_service.store.history import months_before
from cloud_service.store.interface import CheckpointInput
from cloud_service.store.recovery import read_folder
from cloud_service.store.verify import examine
from tests.kit.batches import (
    BOOKING,
    Failing,
    booking,
    cancellation,
    checkpoint,
    checkpoint_input,
    history_of,
    open_store,
    registration,
)
from tests.kit.records import NOW, minutes, reservation
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


def test_a_line_has_the_last_state_and_the_energy_if_the_charger_has_told() -> None:
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    first, second, third = (reservation(number, NOW, NOW + minutes(9)) for number in (1, 2, 3))
    events = (
        Event(
            "reservationFinished",
            NOW,
            "chargingFinished",
            replace(first, state="completed"),
            "ana",
            energy=7.5,
        ),
        Event("reservationCancelled", NOW, "overrun", replace(second, state="cancelled"), "ana"),
        Event("reservationNoShow", NOW, "noShow", replace(third, state="noShow"), "ana"),
    )
    store.append([Changes(events=events)], [], 0, NOW)
    in_journal = list(read_all(folder))
    store.close(checkpoint_input(recovered), NOW)
    rows = [json.loads(line) for line in folder.files()[HISTORY].splitlines()]
    assert [(row["reservation"]["state"], row.get("energy")) for row in rows] == [
        ("completed", 7.5),
        ("cancelled", None),
        ("noShow", None),
    ]
    assert list(rows[0]["reservation"]) == [*first.public(), "state"]
    assert list(read_all(folder)) == in_journal


def test_a_line_of_an_older_version_has_no_state() -> None:
    folder = SimulatedFolder()
    store = ending(folder)
    store.close(checkpoint_input(open_store(SimulatedFolder(folder.files()))[1]), NOW)
    files = folder.files()
    older = files[HISTORY].replace(b',"state":"cancelled"', b"").strip()
    assert b"state" not in older
    older = older.ljust(len(files[HISTORY]) - 1) + b"\n"
    folder = SimulatedFolder({**files, HISTORY: older})
    (found,) = read_all(folder)
    assert (found.reservation.state, found.energy) == (None, None)
    assert examine(FrozenFolder(Path("folder"), folder.files()), UTC, NOW).findings == []


def test_what_ended_in_a_journal_of_an_older_version_gets_its_state() -> None:
    """Its line is in the journal, and so in the next history; its event may still have to be told."""
    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    checkpoint_of_before = json.loads(folder.files()["checkpoint.json"]) | {"format": 3}
    cancelled = cancellation()
    (event,) = cancelled.events
    told = replace(cancelled, events=(replace(event, reservation=BOOKING),))
    store.append([registration(), booking()], [], 0, NOW)
    store.append([told], [], 1, NOW)
    files = {**folder.files(), "checkpoint.json": json.dumps(checkpoint_of_before).encode()}
    assert examine(FrozenFolder(Path("folder"), files), UTC, NOW).findings == []
    folder = SimulatedFolder(files)
    store, recovered = open_store(folder)
    assert recovered.pending_events == [(2, event)]
    (row,) = (json.loads(line) for line in folder.files()[HISTORY].splitlines())
    assert row["reservation"]["state"] == "cancelled"
    assert open_store(SimulatedFolder(folder.files()))[1].pending_events == [(2, event)]


def read_all(folder: SimulatedFolder) -> Iterator[Ended]:
    frozen = FrozenFolder(Path("folder"), folder.files())
    return read_ended(frozen, read_folder(frozen, UTC, NOW))


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


def with_months(folder: SimulatedFolder, *months: int) -> tuple[FileStore, CheckpointInput]:
    """A store with an ending in the history of each of these months after NOW's, as of NOW."""
    store, recovered = open_store(folder)
    for month in months:
        years, months_later = divmod(month, 12)
        at = NOW.replace(year=NOW.year + years, month=NOW.month + months_later)
        store.append([cancellation(at)], [], 0, NOW)
    state = checkpoint_input(recovered)
    store.close(state, NOW)
    return FileStore(folder, StoreOptions()), state


def months_of(folder: SimulatedFolder) -> list[str]:
    return sorted(name[8:15] for name in folder.names() if name.startswith("history"))


def test_history_is_removed_by_whole_months_after_thirteen() -> None:
    folder = SimulatedFolder()
    store, state = with_months(folder, 0, 1, 13)
    assert months_of(folder) == ["2026-03", "2026-04", "2027-04"]

    def stop_again(now: datetime) -> None:
        store.load(now)
        store.close(state, now)

    for day, months in (
        (datetime(2027, 4, 30, 23, 59, tzinfo=UTC), ["2026-03", "2026-04", "2027-04"]),
        (datetime(2027, 5, 1, tzinfo=UTC), ["2026-04", "2027-04"]),
    ):
        stop_again(day)
        stop_again(day)
        assert months_of(folder) == months
        assert read_checkpoint(folder).sizes.keys() == {f"history-{month}.jsonl" for month in months}


def test_a_clock_that_is_wrong_for_a_moment_removes_no_history() -> None:
    folder = SimulatedFolder()
    store, state = with_months(folder, 0)
    for now in (NOW, NOW + timedelta(days=900), NOW, NOW + timedelta(days=900)):
        store.load(NOW)
        store.close(state, now)
        store.load(NOW)
        store.close(state, NOW)
    assert months_of(folder) == ["2026-03"]


def test_history_can_be_kept_for_ever() -> None:
    folder = SimulatedFolder()
    _, state = with_months(folder, 0)
    store = FileStore(folder, StoreOptions(history_months=0))
    for _ in range(3):
        now = NOW + timedelta(days=9_000)
        store.load(now)
        store.close(state, now)
    assert months_of(folder) == ["2026-03"]


def test_outdated_history_that_a_crash_left_is_removed_later() -> None:
    folder = SimulatedFolder()
    store, state = with_months(folder, 0)
    now = NOW + timedelta(days=900)
    store.load(now)
    store.close(state, now)
    folder.trouble = Failing("remove", HISTORY)
    store.load(now)
    with pytest.raises(OSError, match="as the test wants it"):
        store.close(state, now)
    assert months_of(folder) == ["2026-03"]
    assert examine(FrozenFolder(Path("folder"), folder.files()), None, now).findings == []
    store.load(now)
    store.close(state, now)
    assert months_of(folder) == []


@pytest.mark.parametrize(
    ("months", "first"),
    [(0, "2026-03"), (2, "2026-01"), (3, "2025-12"), (13, "2025-02"), (99_999, "0001-01")],
)
def test_months_are_counted_across_years(months: int, first: str) -> None:
    assert months_before(NOW, months) == first
