"""A backup: a copy of a data folder on which the service can start, made whether or not it is running."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from cloud_service.store.filesystem import DiskFile, sync_folder, write_all
from cloud_service.store.names import SEGMENTS
from cloud_service.store.snapshot import FrozenFolder, take_snapshot


class BackupFailed(Exception):
    """The copy was not made. The text says why."""


def back_up(source: Path, target: Path) -> FrozenFolder:
    """Copies the folder `source`, and returns what was copied. `target` appears as a whole or not at all.

    Raises BackupFailed if it exists, is in the source, or cannot be written, and what take_snapshot raises.
    """
    if target.exists():
        raise BackupFailed(f"{target} exists; name a folder that does not exist yet")
    if target.resolve().is_relative_to(source.resolve()):
        raise BackupFailed(f"{target} is in the data folder itself; name a place outside of it")
    snapshot = _without_torn_line(take_snapshot(source))
    partial = target.with_name(target.name + ".partial")
    try:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
        _write_files(partial, snapshot.files)
        partial.rename(target)
        sync_folder(target.parent)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise BackupFailed(f"{target} cannot be written: {error}") from None
    return snapshot


def _without_torn_line(snapshot: FrozenFolder) -> FrozenFolder:
    """The snapshot without the line that the service was writing: nobody has its replies yet."""
    files = {
        name: data[: data.rfind(b"\n") + 1] if SEGMENTS.fullmatch(name) else data
        for name, data in snapshot.files.items()
    }
    return FrozenFolder(Path(snapshot.where("")), files)


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    """Writes files into a new folder. They and their names are on disk when this returns."""
    for name, data in files.items():
        file = DiskFile(folder / name)
        try:
            write_all(file, data)
            file.sync()
        finally:
            file.close()
    sync_folder(folder)
