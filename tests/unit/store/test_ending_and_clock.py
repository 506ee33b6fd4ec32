"""A checkpoint that is under way when the service ends, and one that a clock set back must not put off."""

import json
from datetime import timedelta
from threading import Event

import pytest

from cloud_service.store.checkpoint_writer import CheckpointWriter
from cloud_service.store.file_store import FileStore, StoreOptions
from tests.faults.power_loss import Rename, SimulatedFolder
from tests.kit.processes import DEADLINE
from tests.unit.core.samples import NOW
from tests.unit.store.samples import booking, checkpoint, checkpoint_input, open_store, registration, request


def test_a_checkpoint_under_way_is_given_up_for_the_last_one(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Else ending takes twice as long where there is much to write."""
    closing = Event()
    cancel = CheckpointWriter.cancel

    def tell(writer: CheckpointWriter) -> None:
        cancel(writer)
        closing.set()

    monkeypatch.setattr(CheckpointWriter, "cancel", tell)

    def hold(operation: str, name: str) -> None:
        if (operation, name) == ("append", "charging_stations.json.new"):
            assert closing.wait(DEADLINE), "the store is closed"

    folder = SimulatedFolder()
    store, recovered = open_store(folder)
    for change in (registration(), booking()):
        store.append([change], [request("a")], 0, NOW)
        recovered.tables.apply(change)
    folder.trouble = hold
    store.maintain(checkpoint_input(recovered), NOW + timedelta(hours=1))
    store.close(checkpoint_input(recovered), NOW + timedelta(hours=1))

    renamed = [operation.new for operation in folder.log if isinstance(operation, Rename)]
    assert renamed.count("charging_stations.json") == 2
    assert renamed.count("charging_points.json") == 1, "the first checkpoint was given up"
    assert "checkpoint failed" not in caplog.text
    assert len(json.loads(folder.files()["reservations.json"])) == 1
    again = open_store(folder)[1]
    assert again.tables == recovered.tables
    assert [memory.request for memory in again.remembered] == [request("a"), request("a")]


def test_a_clock_that_is_set_back_does_not_put_off_checkpoints() -> None:
    folder = SimulatedFolder()
    store = FileStore(folder, StoreOptions(checkpoint_seconds=300))
    recovered = store.load(NOW)
    store.append([registration()], [], 0, NOW)
    recovered.tables.apply(registration())

    store.maintain(checkpoint_input(recovered), NOW + timedelta(seconds=299))
    assert "charging_stations.json" not in folder.files()
    checkpoint(store, checkpoint_input(recovered), NOW - timedelta(hours=10))

    assert "charging_stations.json" in folder.files()
