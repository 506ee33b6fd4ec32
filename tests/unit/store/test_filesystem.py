"""Files and folders of the operating system, and what the store builds on them."""

import os
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path

import pytest

from cloud_service.store.filesystem import DiskFile, DiskFolder, FolderLocked, replace_file, write_all
from tests.kit.batches import Failing
from tests.kit.simulated_disk import SimulatedFolder, Sync, Write


def test_the_names_of_new_folders_are_on_disk_before_they_are_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise, a power loss removes the whole folder, with everything that was synced in it."""
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
    assert len(synced) == 2, "a folder that exists needs no sync"


def test_one_process_at_a_time_uses_a_folder(tmp_path: Path) -> None:
    folder = DiskFolder(tmp_path)
    with pytest.raises(FolderLocked, match=f"{tmp_path} is in use by another cloud service"):
        DiskFolder(tmp_path)
    folder.close()
    DiskFolder(tmp_path).close()


class FailingFile:
    """Takes a number of bytes, some at a time, and then fails or takes nothing more."""

    def __init__(self, room: int, at_once: int, error: OSError | None = None) -> None:
        self.content = b""
        self.size = 0
        self._room, self._at_once, self._error = room, at_once, error

    def append(self, data: bytes) -> int:
        taken = min(len(data), self._at_once, self._room - self.size)
        if not taken and self._error is not None:
            raise self._error
        self.content += data[:taken]
        self.size += taken
        return taken

    def truncate(self, size: int) -> None: ...

    def sync(self) -> None: ...

    def close(self) -> None: ...


def test_short_writes_are_continued() -> None:
    file = FailingFile(room=100, at_once=3)
    write_all(file, b"0123456789")
    assert file.content == b"0123456789"


def test_a_write_that_makes_no_progress_fails() -> None:
    file = FailingFile(room=7, at_once=3)
    with pytest.raises(OSError, match="accepts no more data"):
        write_all(file, b"0123456789")
    assert file.content == b"0123456"


def test_a_file_is_replaced_as_a_whole() -> None:
    folder = SimulatedFolder({"a": b"before", "a.new": b"left over by a crash"})
    replace_file(folder, "a", iter([b"af", b"ter"]))
    assert folder.files() == {"a": b"after"}


def test_a_large_file_is_synced_again_and_again() -> None:
    """Whoever syncs another file meanwhile waits for all that was written and not yet synced."""
    folder = SimulatedFolder()
    chunk = bytes(100_000)
    replace_file(folder, "a", repeat(chunk, 100))
    assert folder.files()["a"] == chunk * 100
    unsynced = [0]
    for operation in folder.log:
        if isinstance(operation, Write):
            unsynced[-1] += len(operation.data)
        elif isinstance(operation, Sync):
            unsynced.append(0)
    assert max(unsynced) < 5e6
    assert len(unsynced) < 7


@pytest.mark.parametrize("operation", ["create", "append", "sync", "rename"])
def test_a_file_that_cannot_be_replaced_stays(operation: str) -> None:
    folder = SimulatedFolder({"a": b"before"})
    folder.trouble = Failing(operation, "a.new")
    with pytest.raises(OSError, match="as the test wants it"):
        replace_file(folder, "a", [b"after"])
    assert folder.files()["a"] == b"before"


def test_a_file_keeps_its_old_content_if_the_new_one_cannot_be_made() -> None:
    def chunks() -> Iterator[bytes]:
        yield b"af"
        raise RuntimeError("cancelled")

    folder = SimulatedFolder({"a": b"before"})
    with pytest.raises(RuntimeError):
        replace_file(folder, "a", chunks())
    assert folder.files()["a"] == b"before"


def test_a_file_on_disk_is_appended_to_and_cut(tmp_path: Path) -> None:
    folder = DiskFolder(tmp_path)
    file = folder.open("a")
    write_all(file, b"0123456789")
    file.sync()
    file.truncate(4)
    assert (file.size, folder.read("a")) == (4, b"0123")
    write_all(file, b"x")
    file.close()
    assert folder.open("a").size == 5
    folder.rename("a", "b")
    assert (folder.read("b"), folder.where("b")) == (b"0123x", str(tmp_path / "b"))
    assert sorted(folder.names()) == ["b", "lock"]
    assert (tmp_path / "b").stat().st_mode & 0o777 == 0o640
    folder.remove("b")
    folder.remove("b")
    assert folder.names() == ["lock"]
    folder.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
def test_an_error_of_the_disk_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "reservations.json.new").symlink_to("/dev/full")
    file = DiskFile(tmp_path / "reservations.json.new")
    with pytest.raises(OSError, match=f"No space left on device: '{tmp_path / 'reservations.json.new'}'"):
        write_all(file, b"[]")
    file.close()
