"""A backup: a copy of a data folder on which the service can start, made whether or not it is running."""

import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final
from uuid import uuid4

from cloud_service.language.text import TextError
from cloud_service.store.filesystem import PERMISSIONS, DiskFile, open_regular, sync_folder, write_all
from cloud_service.store.frozen_folder import FrozenFolder
from cloud_service.store.names import SEGMENTS
from cloud_service.store.snapshot import take_snapshot

_PIECE_BYTES: Final = 1024 * 1024


class BackupFailed(TextError):
    """The copy was not made. The text says why."""


def back_up(source: Path, target: Path, companions: Sequence[Path] = ()) -> FrozenFolder:
    """Copies the store's files in the folder `source`, and returns what was copied of them.

    `companions` are other files to be copied, relative to `source`; they keep their permissions. `target`
    appears as a whole or not at all.

    Raises BackupFailed if it exists, is in the source or cannot be written, and what take_snapshot raises.
    """
    if target.exists() or target.is_symlink():
        raise BackupFailed("{target} exists; name a folder that does not exist yet", target=target)
    if target.resolve().is_relative_to(source.resolve()):
        raise BackupFailed("{target} is in the data folder itself; name a place outside of it", target=target)
    snapshot = take_snapshot(source)
    snapshot = snapshot.without_torn_lines(filter(SEGMENTS.fullmatch, snapshot.files))
    partial = target.with_name(f"{target.name}.{uuid4().hex}.partial")
    try:
        partial.mkdir(parents=True)
        write_files(snapshot, partial)
        for companion in companions:
            copy_file(source, companion, partial)
        partial.rename(target)
        sync_folder(target.parent)
    except OSError as error:
        shutil.rmtree(partial, ignore_errors=True)
        raise BackupFailed("{target} was not made: {error}", target=target, error=error) from None
    return snapshot


def write_files(snapshot: FrozenFolder, folder: Path) -> None:
    """Writes a snapshot's files into a folder that has none of them. Returns when they are on disk."""
    for name in snapshot.names():
        _write(folder / name, snapshot.pieces(name))
    sync_folder(folder)


def copy_file(source: Path, name: Path, target: Path) -> None:
    """Copies the file `name`, which may be in a folder, from one folder to another, with its permissions.

    Raises OSError.
    """
    for above in reversed(name.parents[:-1]):
        folder = target / above
        if not folder.is_dir():
            folder.mkdir(mode=(source / above).stat().st_mode & 0o777)
            sync_folder(folder.parent)
    with open_regular(source / name) as file:
        mode = (source / name).stat().st_mode & 0o777
        _write(target / name, iter(lambda: file.read(_PIECE_BYTES), b""), mode)
    sync_folder((target / name).parent)


def _write(path: Path, pieces: Iterable[bytes], mode: int = PERMISSIONS) -> None:
    """Writes a new file. Its content is on disk when this returns."""
    file = DiskFile(path, mode)
    try:
        for piece in pieces:
            write_all(file, piece)
        file.sync()
    finally:
        file.close()
