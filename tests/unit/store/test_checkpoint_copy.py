"""A checkpoint of a network that changes while its tables are copied."""

import errno
import gc
import json
from datetime import timedelta

import pytest
from msgspec.structs import replace

from cloud_service.core.changes import Changes
from cloud_service.store import gradual_copy
from cloud_service.store.errors import SyncFailed
from tests.kit.batches import (
    BOOKING,
    POINT,
    STATION,
    Failing,
    book,
    booking,
    cancellation,
    checkpoint_input,
    open_store,
    registration,
    request,
)
from tests.kit.records import NOW
from tests.kit.simulated_disk import SimulatedFolder
from tests.kit.waiting import wait_until


class Copying:
    """A store with a checkpoint that is due, and with two steps until all of its tables are copied."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(gradual_copy, "MOST_AT_ONCE", 1)
        self.folder = SimulatedFolder()
        self.store, recovered = open_store(self.folder)
        self.tables = recovered.tables
        self.input = checkpoint_input(recovered)
        self.later = NOW + timedelta(hours=1)
        self.add(registration())
        self.store.maintain(self.input, self.later)

    def add(self, changes: Changes) -> None:
        self.store.append([changes], [request(str(self.store.sequence))], 0, NOW)
        self.tables.apply(changes)

    def required(self) -> None:
        """Fails unless what is on disk is what the tables hold."""
        again = open_store(SimulatedFolder(self.folder.files()))[1]
        assert again.tables == self.tables
        assert len(again.remembered) == self.store.sequence


def test_batches_come_in_between_while_the_tables_are_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    at = Copying(monkeypatch)
    station, point = replace(STATION, station_id=2, x=9), replace(POINT, station_id=2)
    second = Changes(stations=(station,), points=(point,), last_station_id=2)
    later = iter([booking(), second, cancellation(), book(2, 60, "eva"), book(3, 120, "leo")])
    steps = 1
    while "journal-000002.jsonl" not in at.folder.files():
        at.add(next(later))
        at.required()
        at.store.maintain(at.input, at.later)
        steps += 1
    assert steps > 2
    expected = at.tables.snapshot()
    wait_until(lambda: not at.store.checkpointing, "the checkpoint is made")
    assert at.folder.files()["journal-000002.jsonl"] == b"", "its batches are in the files"
    written = [row.public() for row in expected.reservations.values()]
    assert json.loads(at.folder.files()["reservations.json"]) == written
    at.required()


@pytest.mark.parametrize("end", ["close", "reload"])
def test_a_copy_that_is_not_finished_is_given_up(end: str, monkeypatch: pytest.MonkeyPatch) -> None:
    at = Copying(monkeypatch)
    at.add(booking())
    assert not gc.isenabled()
    if end == "close":
        at.store.close(at.input, at.later)
    else:
        at.folder.trouble = Failing("sync", "journal")
        with pytest.raises(SyncFailed):
            at.store.append([cancellation()], [], 0, NOW)
    assert gc.isenabled()


def test_a_copy_is_made_again_if_no_segment_can_be_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    at = Copying(monkeypatch)
    at.folder.trouble = Failing("create", "journal", number=errno.ENOSPC)
    while at.folder.trouble.times:
        at.store.maintain(at.input, at.later)
    assert gc.isenabled()
    at.add(booking())
    while "journal-000003.jsonl" not in at.folder.files():
        at.store.maintain(at.input, at.later + timedelta(hours=1))
    wait_until(lambda: not at.store.checkpointing, "the checkpoint is made")
    assert json.loads(at.folder.files()["reservations.json"]) == [BOOKING.public()]
    at.required()
