"""The few operations on a folder that the store needs. Tests replace the folder with one that fails."""

import fcntl
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Protocol

LOCK: Final = "lock"
"""The file that a process holds while it uses the folder."""
TEMPORARY: Final = ".new"
"""The end of the name of a file that is being written."""

_PERMISSIONS: Final = 0o640
"""Of files: only the owner and the group can read them."""
_WRITE_BYTES: Final = 128 * 1024


class FolderLocked(Exception):
    """Another process uses the folder."""


class File(Protocol):
    """A file open for appending. Every operation raises OSError if it fails."""

    size: int
    """In bytes."""

    def append(self, data: bytes) -> int:
        """Writes at the end, perhaps less than all of the data. Returns how many bytes were written."""

    def truncate(self, size: int) -> None:
        """Cuts the file to this many bytes."""

    def sync(self) -> None:
        """Returns when the content is on disk."""

    def close(self) -> None: ...


class Folder(Protocol):
    """A folder of files. Every operation raises OSError if it fails."""

    def names(self) -> list[str]: ...

    def read(self, name: str) -> bytes: ...

    def open(self, name: str) -> File:
        """Opens a file for appending, and creates it if it is missing."""

    def rename(self, old: str, new: str) -> None:
        """Renames a file, and replaces `new` in one step if it exists."""

    def remove(self, name: str) -> None:
        """Removes a file if it exists."""

    def sync(self) -> None:
        """Returns when the names are on disk."""

    def where(self, name: str) -> str:
        """The path of a file, for messages."""


class DiskFile:
    """A File of the operating system."""

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._descriptor = os.open(path, flags, _PERMISSIONS)
        self.size = os.fstat(self._descriptor).st_size

    def append(self, data: bytes) -> int:
        written = os.write(self._descriptor, data)
        self.size += written
        return written

    def truncate(self, size: int) -> None:
        os.ftruncate(self._descriptor, size)
        self.size = size

    def sync(self) -> None:
        if sys.platform == "darwin":  # where fsync() only passes the content on to the drive's cache
            fcntl.fcntl(self._descriptor, fcntl.F_FULLFSYNC)
        else:
            os.fdatasync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


class DiskFolder:
    """A Folder of the operating system, locked by one process at a time."""

    def __init__(self, path: Path) -> None:
        """Creates the folder if it is missing. Raises FolderLocked if another process uses it, or OSError."""
        _make_folder(path)
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, _PERMISSIONS)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise FolderLocked(
                f"{path} is in use by another cloud service; stop that one, or choose another folder"
            ) from None

    def close(self) -> None:
        """Releases the lock."""
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


def write_all(file: File, data: bytes) -> None:
    """Appends all of the data. After an OSError the file may end with a part of it."""
    view = memoryview(data)
    while view:
        written = file.append(bytes(view) if len(view) < len(data) else data)
        if written == 0:
            raise OSError("the disk accepts no more data")
        view = view[written:]


def replace_file(folder: Folder, name: str, chunks: Iterable[bytes]) -> None:
    """Writes a file so that a crash leaves either the old content or the new one, as a whole.

    Raises OSError, and whatever `chunks` raises; the old content is still there then.
    """
    temporary = name + TEMPORARY
    folder.remove(temporary)
    file = folder.open(temporary)
    try:
        buffer = bytearray()
        for chunk in chunks:
            buffer += chunk
            if len(buffer) >= _WRITE_BYTES:
                write_all(file, bytes(buffer))
                buffer.clear()
        write_all(file, bytes(buffer))
        file.sync()
    finally:
        file.close()
    folder.rename(temporary, name)
    folder.sync()


def sync_folder(path: Path) -> None:
    """Returns when the names in a folder are on disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _make_folder(path: Path) -> None:
    """Creates a folder and those above it. Their names are on disk when this returns."""
    if path.is_dir():
        return
    _make_folder(path.parent)
    path.mkdir(exist_ok=True)
    sync_folder(path.parent)
