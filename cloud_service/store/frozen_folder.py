"""A folder that cannot be changed: what a snapshot has read, and what it keeps open."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final
from weakref import finalize

from cloud_service.store.filesystem import File, open_regular

_PIECE_BYTES: Final = 1024 * 1024


class OpenFile:
    """The first `size` bytes of a file that is only appended to or replaced. They are read in pieces.

    It stays open, and so readable, when another file takes its name.
    """

    def __init__(self, path: Path, size: int | None = None) -> None:
        """Without a size, all of the file. Raises OSError, also if it is not a regular file."""
        with open_regular(path) as file:
            self._descriptor = os.dup(file.fileno())
        finalize(self, os.close, self._descriptor)
        whole = os.fstat(self._descriptor).st_size
        self.size = whole if size is None else min(size, whole)

    def pieces(self) -> Iterator[bytes]:
        """The content. Raises OSError."""
        at = 0
        while piece := os.pread(self._descriptor, min(_PIECE_BYTES, self.size - at), at):
            at += len(piece)
            yield piece


class FrozenFolder:
    """A Folder of files that cannot be changed."""

    def __init__(
        self, place: Path, files: Mapping[str, bytes], large: Mapping[str, OpenFile] | None = None
    ) -> None:
        """`files` are in memory. `large` ones are on disk, and are read when they are needed."""
        self.files = files
        self._large = large or {}
        self._place = place

    def names(self) -> list[str]:
        return [*self.files, *self._large]

    def read(self, name: str) -> bytes:
        return b"".join(self.pieces(name))

    def size(self, name: str) -> int:
        return self._large[name].size if name in self._large else len(self.files[name])

    def pieces(self, name: str) -> Iterator[bytes]:
        """The content of a file; if it is large, not all at once."""
        if name in self._large:
            yield from self._large[name].pieces()
        else:
            yield self.files[name]

    def lines(self, name: str, size: int) -> Iterator[bytes]:
        """The lines in the first `size` bytes of a file, without their newlines; a few at a time."""
        rest = b""
        for piece in self.pieces(name):
            *lines, rest = (rest + piece[:size]).split(b"\n")
            size -= len(piece[:size])
            yield from lines
        if rest:
            yield rest

    def without(self, name: str) -> "FrozenFolder":
        """The same without a file."""
        files = {other: data for other, data in self.files.items() if other != name}
        return FrozenFolder(self._place, files, self._large)

    def without_torn_lines(self, segments: Iterable[str]) -> "FrozenFolder":
        """The same without the line that the service was writing: nobody has its replies yet."""
        whole = {name: self.files[name][: self.files[name].rfind(b"\n") + 1] for name in segments}
        return FrozenFolder(self._place, {**self.files, **whole}, self._large)

    def where(self, name: str) -> str:
        return str(self._place / name)

    def open(self, name: str) -> File:
        raise PermissionError(f"{self.where(name)}: a snapshot cannot be changed")

    def rename(self, old: str, new: str) -> None:
        self.open(old)

    def remove(self, name: str) -> None:
        self.open(name)

    def sync(self) -> None:
        pass
