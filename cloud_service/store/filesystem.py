"""The few operations on a folder that the store needs. Tests replace the folder with one that fails."""

import errno
import fcntl
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from cloud_service.language.text import TextError

LOCK: Final = "lock"
"""The file that a process holds while it uses the folder."""
TEMPORARY: Final = ".new"
"""The end of the name of a file that is being written."""

PERMISSIONS: Final = 0o640
"""Of files: only the owner and the group can read them."""
_WRITE_BYTES: Final = 128 * 1024
_UNSYNCED_BYTES: Final = 4 * 2**20
"""The most of a large file that waits to be synced: syncs of other files wait until all of it is on disk."""


class FolderLocked(TextError):
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

    def size(self, name: str) -> int:
        """How many bytes a file has."""

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
    """A File of the operating system. Its errors name it."""

    def __init__(self, path: Path, permissions: int = PERMISSIONS) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
        self._path = path
        self._descriptor = os.open(path, flags, permissions)
        self.size = os.fstat(self._descriptor).st_size

    def append(self, data: bytes) -> int:
        with _naming(self._path):
            written = os.write(self._descriptor, data)
        self.size += written
        return written

    def truncate(self, size: int) -> None:
        with _naming(self._path):
            os.ftruncate(self._descriptor, size)
        self.size = size

    def sync(self) -> None:
        with _naming(self._path):
            if sys.platform == "darwin":  # where fsync() only passes the content on to the drive's cache
                fcntl.fcntl(self._descriptor, fcntl.F_FULLFSYNC)
            else:
                os.fdatasync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


class DiskFolder:
    """A Folder of the operating system, locked by one process at a time. Its errors name the file."""

    def __init__(self, path: Path) -> None:
        """Creates the folder if it is missing. Raises FolderLocked if another process uses it, or OSError."""
        _make_folder(path)
        self.path = path
        self._descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        self._lock = os.open(path / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, PERMISSIONS)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self.close()
            raise FolderLocked(
                "{path} is in use by another cloud service; stop that one, or choose another folder",
                path=path,
            ) from None

    def close(self) -> None:
        """Releases the lock."""
        os.close(self._lock)
        os.close(self._descriptor)

    def names(self) -> list[str]:
        return [entry.name for entry in self.path.iterdir()]

    def read(self, name: str) -> bytes:
        with open_regular(self.path / name) as file:
            return file.read()

    def size(self, name: str) -> int:
        return (self.path / name).stat().st_size

    def open(self, name: str) -> File:
        return DiskFile(self.path / name)

    def rename(self, old: str, new: str) -> None:
        (self.path / old).rename(self.path / new)

    def remove(self, name: str) -> None:
        (self.path / name).unlink(missing_ok=True)

    def sync(self) -> None:
        with _naming(self.path):
            os.fsync(self._descriptor)

    def where(self, name: str) -> str:
        return str(self.path / name)


def write_all(file: File, data: bytes) -> None:
    """Appends all of the data. After an OSError the file may end with a part of it."""
    view = memoryview(data)
    while view:
        written = file.append(bytes(view) if len(view) < len(data) else data)
        if written == 0:
            raise OSError(errno.ENOSPC, "the disk accepts no more data")
        view = view[written:]


def replace_file(folder: Folder, name: str, chunks: Iterable[bytes]) -> int:
    """Writes a file so that a crash leaves either the old content or the new one, as a whole.

    Returns its size. Raises OSError, and whatever `chunks` raises; the old content is still there then.
    """
    temporary = name + TEMPORARY
    folder.remove(temporary)
    file = folder.open(temporary)
    try:
        synced = 0
        for piece in _pieces(chunks):
            write_all(file, piece)
            if file.size - synced >= _UNSYNCED_BYTES:
                file.sync()
                synced = file.size
        file.sync()
        size = file.size
    finally:
        file.close()
    folder.rename(temporary, name)
    folder.sync()
    return size


def _pieces(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks, joined into pieces of at least `_WRITE_BYTES`, and the rest."""
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        if len(buffer) >= _WRITE_BYTES:
            yield bytes(buffer)
            buffer.clear()
    yield bytes(buffer)


def open_regular(path: Path) -> BinaryIO:
    """Opens a file for reading. Raises OSError for anything else of this name: a pipe would never end."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a regular file", str(path))
    return os.fdopen(descriptor, "rb")


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


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Gives an OSError the path that the system's call, which has only a descriptor, cannot know."""
    try:
        yield
    except OSError as error:
        error.filename = str(path)
        raise
