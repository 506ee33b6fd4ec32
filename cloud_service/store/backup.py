"""A copy of a data folder that starts as it is, made while the service runs or not."""

import os
import shutil
from pathlib import Path

from cloud_service.store.names import SEGMENTS
from cloud_service.store.snapshot import FrozenFolder, take_snapshot


class NoBackup(Exception):
    """The copy was not made. The text says why."""


def back_up(source: Path, target: Path) -> FrozenFolder:
    """Copies the folder, and returns what was copied. `target` appears whole or not at all.

    Raises NoBackup where it exists or cannot be written, and whatever take_snapshot raises.
    """
    if target.exists():
        raise NoBackup(f"{target} exists; name a folder that is to be made")
    if target.resolve().is_relative_to(source.resolve()):
        raise NoBackup(f"{target} is in the data folder itself; name a place outside of it")
    snapshot = _without_torn_line(take_snapshot(source))
    partial = target.with_name(target.name + ".partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        for name, data in snapshot.files.items():
            _write(partial / name, data)
        _sync(partial)
        partial.rename(target)
        _sync(target.parent)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise NoBackup(f"{target} cannot be written: {error}") from None
    return snapshot


def _without_torn_line(snapshot: FrozenFolder) -> FrozenFolder:
    """The line that the service was writing belongs to an answer that nobody has yet."""
    files = {
        name: data[: data.rfind(b"\n") + 1] if SEGMENTS.fullmatch(name) else data
        for name, data in snapshot.files.items()
    }
    return FrozenFolder(Path(snapshot.where("")), files)


def _write(path: Path, data: bytes) -> None:
    with open(path, "wb", opener=_private) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _private(path: str, flags: int) -> int:
    """As the data folder's own files: nobody but owner and group reads them."""
    return os.open(path, flags, 0o640)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
