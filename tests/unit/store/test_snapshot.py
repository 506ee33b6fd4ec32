"""Snapshots: what is copied of a folder, and what is tried again."""

from collections.abc import Callable, Iterator
from itertools import repeat
from pathlib import Path

import pytest

from cloud_service.store.checkpoint import Checkpoint, write_checkpoint
from cloud_service.store.errors import DamagedStore
from cloud_service.store.filesystem import DiskFolder
from cloud_service.store.frozen_folder import FrozenFolder
from cloud_service.store.snapshot import SnapshotFailed, take_snapshot


def write(place: Path, checkpoint: Checkpoint) -> None:
    folder = DiskFolder(place)
    write_checkpoint(folder, checkpoint)
    folder.close()


def test_a_snapshot_has_what_belongs_to_the_checkpoint(tmp_path: Path) -> None:
    checkpoint = Checkpoint(sequence=7, segment=3, sizes={"history-2026-03.jsonl": 4})
    write(tmp_path, checkpoint)
    for name in (
        "charging_points.json",
        "charging_points.json.new",
        "history-2026-03.jsonl",
        "journal-000002.jsonl",
        "journal-000003.jsonl",
        "requests-000000000007.jsonl",
        "requests-000000000008.jsonl",
    ):
        (tmp_path / name).write_text("content")
    (tmp_path / "broker").mkdir()
    snapshot = take_snapshot(tmp_path)
    assert sorted(snapshot.names()) == [
        "charging_points.json",
        "checkpoint.json",
        "history-2026-03.jsonl",
        "journal-000003.jsonl",
        "requests-000000000007.jsonl",
    ]
    assert snapshot.read("history-2026-03.jsonl") == b"cont"
    assert snapshot.where("a") == str(tmp_path / "a")


def test_a_folder_with_another_checkpoint_is_read_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, Checkpoint(segment=1))
    before_listing(monkeypatch, iter([lambda: write(tmp_path, Checkpoint(segment=2))]))
    snapshot = take_snapshot(tmp_path, pause_seconds=0)
    assert b'"segment": 2' in snapshot.read("checkpoint.json")


def test_a_folder_that_never_rests_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, Checkpoint())
    segments = iter(range(2, 1_000))
    before_listing(monkeypatch, repeat(lambda: write(tmp_path, Checkpoint(segment=next(segments)))))
    with pytest.raises(SnapshotFailed, match=f"{tmp_path} cannot be copied: its checkpoints"):
        take_snapshot(tmp_path, pause_seconds=0)


def before_listing(monkeypatch: pytest.MonkeyPatch, steps: Iterator[Callable[[], None]]) -> None:
    """Does one step each time before a folder is listed, as long as there are any."""
    iterdir = Path.iterdir

    def listed(path: Path) -> Iterator[Path]:
        next(steps, lambda: None)()
        return iterdir(path)

    monkeypatch.setattr(Path, "iterdir", listed)


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(SnapshotFailed, match="nowhere is not a folder"):
        take_snapshot(tmp_path / "nowhere")


def test_a_damaged_checkpoint_is_named(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.json").write_text("{")
    with pytest.raises(DamagedStore, match=r"checkpoint\.json: not what the service wrote"):
        take_snapshot(tmp_path)


def test_a_frozen_folder_cannot_be_changed() -> None:
    folder = FrozenFolder(Path("folder"), {"a": b"content"})
    for change in (
        lambda: folder.open("a"),
        lambda: folder.rename("a", "b"),
        lambda: folder.remove("a"),
    ):
        with pytest.raises(PermissionError, match="folder/a: a snapshot cannot be changed"):
            change()
