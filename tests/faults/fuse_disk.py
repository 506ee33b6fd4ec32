"""A file system that loses power: python -m tests.faults.fuse_disk MOUNTPOINT

On SIGUSR1 the power goes: of what no sync had confirmed, a random part is there afterwards. After each loss
it prints the number of operations since the one before.
"""

import errno
import signal
import stat
import sys
from random import Random
from typing import Any

import mfusepy  # type: ignore[import-untyped,unused-ignore] # and perhaps not installed

from cloud_service.store.filesystem import File
from tests.kit.simulated_disk import SimulatedFolder


class FuseDisk(mfusepy.Operations):
    """A folder of files, without folders in it. Files only grow, are cut, renamed and removed."""

    use_ns = True

    def __init__(self, random: Random) -> None:
        self._random = random
        self._folder = SimulatedFolder()
        self._open: dict[int, tuple[str, File]] = {}
        self._next = 1

    def lose_power(self) -> int:
        """Returns how many operations went before."""
        image = self._folder.image()
        for operation in self._folder.log:
            image.apply(operation)
        count = len(self._folder.log)
        self._folder = SimulatedFolder(image.survivors(self._random))
        self._open.clear()
        return count

    def getattr(self, path: str, fh: int = 0) -> dict[str, Any]:
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2}
        file = self._open[fh][1] if fh in self._open else self._file(path)
        return {"st_mode": stat.S_IFREG | 0o640, "st_nlink": 1, "st_size": file.size}

    def readdir(self, path: str, fh: int) -> list[str]:
        return [".", "..", *self._folder.names()]

    def create(self, path: str, mode: int, fi: Any = None) -> int:
        return self._handle(path, self._folder.open(path[1:]))

    def open(self, path: str, flags: int) -> int:
        return self._handle(path, self._file(path))

    def release(self, path: str, fh: int) -> int:
        self._open.pop(fh, None)
        return 0

    def read(self, path: str, size: int, offset: int, fh: int) -> bytes:
        return self._folder.read(path[1:])[offset : offset + size]

    def write(self, path: str, data: bytes, offset: int, fh: int) -> int:
        file = self._opened(fh)
        current = self._file_size(path, file)
        if offset != current:
            raise mfusepy.FuseOSError(errno.EOPNOTSUPP)
        return file.append(data)

    def truncate(self, path: str, length: int, fh: int | None = None) -> int:
        (self._file(path) if fh is None else self._opened(fh)).truncate(length)
        return 0

    def fsync(self, path: str, datasync: int, fh: int) -> int:
        self._opened(fh).sync()
        return 0

    def fsyncdir(self, path: str, datasync: int, fh: int) -> int:
        self._folder.sync()
        return 0

    def rename(self, old: str, new: str) -> int:
        self._folder.rename(old[1:], new[1:])
        return 0

    def unlink(self, path: str) -> int:
        self._file(path)
        self._folder.remove(path[1:])
        return 0

    def chmod(self, path: str, mode: int) -> int:
        return 0

    def _file(self, path: str) -> File:
        if path[1:] not in self._folder.names():
            raise mfusepy.FuseOSError(errno.ENOENT)
        return self._folder.open(path[1:])

    def _file_size(self, path: str, file: File) -> int:
        """Another handle of the same file may have written."""
        return self._file(path).size if path[1:] in self._folder.names() else file.size

    def _handle(self, path: str, file: File) -> int:
        self._next += 1
        self._open[self._next] = path, file
        return self._next

    def _opened(self, fh: int) -> File:
        if fh not in self._open:
            raise mfusepy.FuseOSError(errno.EIO)  # of a process from before the power loss
        return self._open[fh][1]


def main(place: str) -> None:
    disk = FuseDisk(Random(1))

    def lose_power(_number: int, _frame: object) -> None:
        print(disk.lose_power(), flush=True)

    signal.signal(signal.SIGUSR1, lose_power)
    mfusepy.FUSE(
        disk,
        place,
        foreground=True,
        nothreads=True,
        direct_io=True,
        attr_timeout=0,
        entry_timeout=0,
        negative_timeout=0,
    )


if __name__ == "__main__":
    main(sys.argv[1])
