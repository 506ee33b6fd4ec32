"""Backups: a copy made at any moment holds the network of that moment, and the service starts on it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from threading import Event, Thread

import pytest

from cloud_service.core.tables import Tables
from cloud_service.protocol.messages import Message
from cloud_service.service.engine.engine import Engine
from cloud_service.service.engine.limits import EngineLimits
from cloud_service.store.backup import BackupFailed, back_up
from cloud_service.store.file_store import FileStore, StoreOptions
from cloud_service.store.filesystem import DiskFolder
from cloud_service.store.interface import CheckpointInput
from cloud_service.store.snapshot import SnapshotFailed, take_snapshot
from cloud_service.store.verify import examine
from tests.faults.traffic import Traffic
from tests.faults.witness import Knowledge, difference, read
from tests.kit.batches import (
    book,
    booking,
    cancel,
    cancellation,
    checkpoint_input,
    registration,
    request,
)
from tests.kit.processes import Stack
from tests.kit.records import NOW
from tests.kit.waiting import wait_until

REMEMBERED = 500
"""The request records of this many batches are kept."""


class Busy:
    """A store that appends one batch after the other, and makes checkpoints all the time."""

    def __init__(self, folder: DiskFolder) -> None:
        self.known: dict[int, Tables] = {0: Tables()}
        self.sequence = 0
        self.stop = Event()
        self.error: BaseException | None = None
        self._store = FileStore(folder, StoreOptions(checkpoint_seconds=1))

    def run(self) -> None:
        try:
            self._run()
        except BaseException as error:
            self.error = error

    def _run(self) -> None:
        tables = self._store.load(NOW).tables
        tables.apply(registration())
        now, checkpointed = NOW, 0
        self.known[1] = tables.snapshot()
        self.sequence = self._store.append([registration()], [], 0, now)
        while not self.stop.is_set():
            booked = book((self.sequence + 1) // 2, 10, "ana")
            change = booked if self.sequence % 2 else cancel(booked)
            tables.apply(change)
            self.known[self.sequence + 1] = tables.snapshot()
            self.sequence = self._store.append([change], [request(str(self.sequence))], 0, now)
            if not self._store.checkpointing and self.sequence > checkpointed + 20:
                now, checkpointed = now + timedelta(minutes=1), self.sequence
            self._store.maintain(
                CheckpointInput(tables, self.sequence, [], max(1, self.sequence - REMEMBERED)), now
            )


def check_remembered(knowledge: Knowledge) -> None:
    """The newest requests are there, each with its reply, and none of later batches."""
    rows = [request(str(number)) for number in range(1, knowledge.sequence)]
    answers = [(row.client, row.identity, row.body) for row in rows]
    assert set(answers[-REMEMBERED:]) <= knowledge.remembered <= set(answers)


@contextmanager
def busy(folder: DiskFolder) -> Iterator[Busy]:
    store = Busy(folder)
    thread = Thread(target=store.run)
    thread.start()
    try:
        wait_until(lambda: store.error or store.sequence > 50, "the store is busy")
        yield store
    finally:
        store.stop.set()
        thread.join()
    assert store.error is None


def test_a_copy_of_a_busy_store_is_one_moment_of_it(tmp_path: Path) -> None:
    folder = DiskFolder(tmp_path / "data")
    checkpoints = set()
    with_requests = 0
    with busy(folder) as store:
        for number in range(40):
            target = tmp_path / f"backup-{number}"
            before = store.sequence
            copied = back_up(tmp_path / "data", target)
            checkpoints.add(copied.files.get("checkpoint.json"))
            assert examine(take_snapshot(target), None, NOW).findings == []
            found = DiskFolder(target)
            knowledge = read(found, NOW)
            found.close()
            assert before <= knowledge.sequence <= store.sequence + 1
            expected = store.known[knowledge.sequence]
            assert knowledge.tables == expected, difference(knowledge.tables, expected)
            check_remembered(knowledge)
            with_requests += any(name.startswith("requests-") for name in copied.files)
    folder.close()
    assert len(checkpoints) > 5, "no checkpoints were made in the meantime, so this proves nothing"
    assert with_requests > 5, "requests were in the journal only, so this proves nothing"


def test_a_copy_has_no_torn_line(tmp_path: Path) -> None:
    folder = DiskFolder(tmp_path / "data")
    store = FileStore(folder, StoreOptions())
    recovered = store.load(NOW)
    store.append([registration(), booking()], [request("a")], 0, NOW)
    with (tmp_path / "data" / "journal-000001.jsonl").open("ab") as journal:
        journal.write(b'{"checksum":"01')
    back_up(tmp_path / "data", tmp_path / "copy")
    folder.close()
    copy = FileStore(DiskFolder(tmp_path / "copy"), StoreOptions())
    recovered = copy.load(NOW)
    assert recovered.notes == []
    assert len(recovered.tables.reservations) == 1
    assert len(recovered.remembered) == 1


def test_a_copy_of_a_stopped_folder_has_its_history(tmp_path: Path) -> None:
    folder = DiskFolder(tmp_path / "data")
    store = FileStore(folder, StoreOptions())
    recovered = store.load(NOW)
    store.append([registration(), booking(), cancellation()], [], 0, NOW)
    recovered.tables.apply(registration())
    store.close(checkpoint_input(recovered, delivered=1), NOW)
    folder.close()
    back_up(tmp_path / "data", tmp_path / "copy")
    names = {path.name for path in (tmp_path / "data").iterdir()} - {"lock"}
    assert {path.name for path in (tmp_path / "copy").iterdir()} == names
    for name in names:
        assert (tmp_path / "copy" / name).read_bytes() == (tmp_path / "data" / name).read_bytes()


class Network:
    """A service on a folder."""

    def __init__(self, place: Path, now: datetime) -> None:
        self.folder = DiskFolder(place)
        self.store = FileStore(self.folder, StoreOptions(checkpoint_seconds=60))
        self.service = Engine(self.store, EngineLimits(), now)

    def ask(self, message: Message, now: datetime) -> bytes:
        self.service.take_in(message, None, now.timestamp())
        (answer,) = self.service.work(now).answers
        assert answer.reply is not None
        return answer.reply.payload

    def make_checkpoint(self, now: datetime) -> None:
        self.service.maintain(now)
        wait_until(lambda: not self.store.checkpointing, "the checkpoint is made")


def test_a_service_on_a_copy_repeats_its_replies(tmp_path: Path) -> None:
    """To requests before the last checkpoint, and to those after it."""
    traffic, now = Traffic(Random(1)), NOW
    messages = [traffic.next() for _ in range(60)]
    first = Network(tmp_path / "data", now)
    replies = [first.ask(message, now) for message in messages[:40]]
    now += timedelta(minutes=2)
    first.make_checkpoint(now)
    replies += [first.ask(message, now) for message in messages[40:]]
    copied = back_up(tmp_path / "data", tmp_path / "copy")
    assert [name for name in copied.files if name.startswith("requests-")]
    first.folder.close()
    second = Network(tmp_path / "copy", now)
    before = second.service.network.tables.snapshot()
    assert before == first.service.network.tables
    changes = [
        (message, reply) for message, reply in zip(messages, replies, strict=True) if _changes(message)
    ]
    assert len(changes) > 40
    for message, reply in changes:
        assert second.ask(message, now) == reply
    assert second.service.network.tables == before
    second.folder.close()


def _changes(message: Message) -> bool:
    return "/find" not in message.topic and "/receive" not in message.topic


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "copy").mkdir()
    with pytest.raises(BackupFailed, match="copy exists; name a folder that does not exist yet"):
        back_up(tmp_path / "data", tmp_path / "copy")
    with pytest.raises(SnapshotFailed, match="nowhere is not a folder"):
        back_up(tmp_path / "nowhere", tmp_path / "other")


def test_a_backup_of_a_running_network_is_restored(tmp_path: Path) -> None:
    with Stack(tmp_path / "first", checkpoint_seconds="0.2") as first:
        for words in (
            ("newChargingStation", "x_position=1", "y_position=2"),
            ("newChargingPoint", "chargingStationID=1", "power=22", "kWhPrice=1", "availability=livre"),
            *(
                (
                    "scheduleReservation",
                    f"vid={vehicle}",
                    "x=0",
                    "y=0",
                    "actualBatteryPercentage=50",
                    "batteryCapacity=40",
                )
                for vehicle in ("ana", "ben")
            ),
        ):
            assert first.recharge("request", *words).returncode == 0
        backup = first.recharge("backup", str(tmp_path / "second" / "data"))
        assert backup.returncode == 0, backup.stderr
        assert (
            first.recharge("request", "deleteReservation", "vehicleID=ben", "reservationID=2").returncode == 0
        )
        verified = first.recharge("verify", str(first.data_dir))
        assert verified.returncode == 0, verified.stdout
    with Stack(tmp_path / "second") as second:
        found = second.recharge("request", "findReservation", "vid=ben")
        assert json.loads(found.stdout)["reservationID"] == 2


def test_a_backup_of_a_damaged_folder_says_so(tmp_path: Path) -> None:
    """Otherwise, a nightly backup would replace good copies with damaged ones."""
    folder = DiskFolder(tmp_path / "data")
    store = FileStore(folder, StoreOptions())
    store.load(NOW)
    for change in (registration(), booking(), cancellation()):
        store.append([change], [], 0, NOW)
    folder.close()
    journal = tmp_path / "data" / "journal-000001.jsonl"
    journal.write_bytes(journal.read_bytes().replace(b"ana", b"eva", 1))

    done = Stack(tmp_path).recharge("backup", str(tmp_path / "copy"))

    assert done.returncode == 1
    assert "WRONG: " in done.stderr
    assert "journal-000001.jsonl, byte" in done.stderr


def test_a_backup_cannot_be_in_the_data_folder(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    with pytest.raises(BackupFailed, match="in the data folder itself"):
        back_up(tmp_path / "data", tmp_path / "data" / "copy")


def test_a_backup_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "charging_points.json").write_text("[]")

    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(BackupFailed, match="No space left"):
        back_up(tmp_path / "data", tmp_path / "copy")
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
