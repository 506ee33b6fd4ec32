"""The few things that the store does to a folder. Tests put a folder of their own making in its place."""

import fcntl
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

_WRITE = 128 * 1024


class FolderLocked(Exception):
    """Another process uses the folder."""


class File(Protocol):
    """A file open for appending."""

    size: int

    def append(self, data: bytes) -> int:
        """Writes at the end; may write less than all, as a full disk makes it. Returns how much."""

    def truncate(self, size: int) -> None: ...

    def sync(self) -> None:
        """Returns when the content is on disk."""

    def close(self) -> None: ...


class Folder(Protocol):
    """A folder of files. Every operation raises OSError where it fails."""

    def names(self) -> list[str]: ...

    def read(self, name: str) -> bytes: ...

    def open(self, name: str) -> File:
        """Opens for appending; the file is made where it is missing."""

    def rename(self, old: str, new: str) -> None:
        """Replaces `new` in one step where it exists."""

    def remove(self, name: str) -> None: ...

    def sync(self) -> None:
        """Returns when the names are on disk."""

    def where(self, name: str) -> str:
        """The file's name as people find it."""


class DiskFile:
    """A file of the operating system."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o640)
        self.size = os.fstat(self._descriptor).st_size

    def append(self, data: bytes) -> int:
        written = os.write(self._descriptor, data)
        self.size += written
        return written

    def truncate(self, size: int) -> None:
        os.ftruncate(self._descriptor, size)
        self.size = size

    def sync(self) -> None:
        _to_disk(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


class DiskFolder:
    """A folder of the operating system, held by one process at a time."""

    def __init__(self, path: Path) -> None:
        _make_folder(path)
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._lock = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise FolderLocked(
                f"{path} is in use by another cloud service; stop that one, or choose another folder"
            ) from None

    def close(self) -> None:
        os.close(self._lock)
        os.close(self._descriptor)

    def names(self) -> list[str]:
        return [entry.name for entry in self.path.iterdir()]

    def read(self, name: str) -> bytes:
        return (self.path / name).read_bytes()

    def open(self, name: str) -> File:
        return DiskFile(self.path / name)

    def rename(self, old: str, new: str) -> None:
        (self.path / old).rename(self.path / new)

    def remove(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)

    def sync(self) -> None:
        os.fsync(self._descriptor)

    def where(self, name: str) -> str:
        return str(self.path / name)


def _make_folder(path: Path) -> None:
    """Makes a folder and those above it, whose names are on disk when this returns."""
    if path.is_dir():
        return
    _make_folder(path.parent)
    path.mkdir(exist_ok=True)
    above = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(above)
    finally:
        os.close(above)


def _to_disk(descriptor: int) -> None:
    if sys.platform == "darwin":  # where fsync() only hands the content to the drive's cache
        fcntl.fcntl(descriptor, fcntl.F_FULLFSYNC)
    else:
        os.fdatasync(descriptor)


def write_all(file: File, data: bytes) -> None:
    """Appends all of the data. After an OSError the file may end in a part of it."""
    view = memoryview(data)
    while view:
        written = file.append(bytes(view) if len(view) < len(data) else data)
        if written == 0:
            raise OSError("the disk takes no more")
        view = view[written:]


def replace_file(folder: Folder, name: str, chunks: Iterable[bytes]) -> None:
    """Puts a file in the place of another so that a crash leaves the one or the other, whole."""
    temporary = name + ".new"
    folder.remove(temporary)
    file = folder.open(temporary)
    try:
        waiting = bytearray()
        for chunk in chunks:
            waiting += chunk
            if len(waiting) >= _WRITE:
                write_all(file, bytes(waiting))
                waiting.clear()
        write_all(file, bytes(waiting))
        file.sync()
    finally:
        file.close()
    folder.rename(temporary, name)
    folder.sync()
