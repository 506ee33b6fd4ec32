"""The operating system's folder as the store uses it."""

import os
from pathlib import Path

import pytest

from cloud_service.store.filesystem import DiskFolder


def test_the_names_of_new_folders_are_on_disk_before_they_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a power loss takes the whole folder, with all that was synced in it."""
    synced: list[tuple[int, list[str]]] = []
    fsync = os.fsync

    def recorded(descriptor: int) -> None:
        synced.append((os.fstat(descriptor).st_ino, os.listdir(descriptor)))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", recorded)
    place = tmp_path / "above" / "data"
    DiskFolder(place).close()
    assert synced == [(tmp_path.stat().st_ino, ["above"]), (place.parent.stat().st_ino, ["data"])]
    DiskFolder(place).close()
    assert len(synced) == 2, "what is there needs no sync"
