"""Restores a backup: puts its files into a data folder, and what was there into a folder of its own."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cloud_service.language.text import Text, TextError
from cloud_service.store.backup import copy_file, write_files
from cloud_service.store.filesystem import DiskFile, sync_folder
from cloud_service.store.frozen_folder import FrozenFolder
from cloud_service.store.names import UNFINISHED, holds_network, is_own


class RestoreFailed(TextError):
    """The backup was not restored. The text says why, and what to do."""


def restore(
    snapshot: FrozenFolder,
    backup: Path,
    place: Path,
    *,
    companions: Sequence[Path] = (),
    outdated: Sequence[Path] = (),
    replace: bool,
    now: datetime,
) -> Path | None:
    """Puts a snapshot of the folder `backup` into the folder `place`, which the caller has locked.

    `companions` are other files of the backup, relative to it, and `outdated` those of `place` that must not
    stay beside them. If `place` holds a network, it is refused without `replace`. With it, those files are
    moved into a new folder in `place`, which is returned. Until everything is on disk, the service refuses to
    start there. Raises RestoreFailed, before anything was changed, and OSError.
    """
    names = [path.name for path in place.iterdir()]
    there = [Path(name) for name in names if is_own(name) and name != UNFINISHED]
    there += [file for file in dict.fromkeys((*companions, *outdated)) if (place / file).exists()]
    if there and not (replace or UNFINISHED in names):
        files = Text("files of one, such as {file}", file=there[0])
        what = Text("a network") if holds_network(names) else files
        raise RestoreFailed(
            "{place} holds {what}; with --replace, what is there is moved into a folder of its own first",
            place=place,
            what=what,
        )
    DiskFile(place / UNFINISHED).close()
    sync_folder(place)
    moved = _move(place, there, now) if there else None
    write_files(snapshot, place)
    for companion in companions:
        copy_file(backup, companion, place)
    (place / UNFINISHED).unlink()
    sync_folder(place)
    return moved


def _move(place: Path, files: Sequence[Path], now: datetime) -> Path:
    """Moves files of `place`, relative to it, into a new folder in it."""
    folder = place / f"replaced-{now:%Y%m%dT%H%M%S.%fZ}"
    folder.mkdir(mode=0o700)
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        (place / file).rename(folder / file)
    for changed in {folder, place, *((place / file).parent for file in files)}:
        sync_folder(changed)
    return folder
