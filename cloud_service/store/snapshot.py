"""A consistent copy of a data folder, taken without a lock while the service may be writing there.

The checkpoint is read first, then the files, then the journal, then the checkpoint again. If it has not
changed, the journal is complete, because only checkpoints remove segments; and it has everything by which
the files are ahead of the checkpoint, because it was read last. Reading such a copy is what recovery
after a crash does. If the checkpoint has changed, everything is read again.
"""

import time
from errno import EINVAL
from pathlib import Path
from typing import Final

from cloud_service.language.text import TextError
from cloud_service.store.checkpoint import BEFORE_THE_FIRST, Checkpoint, read_checkpoint
from cloud_service.store.filesystem import open_regular
from cloud_service.store.frozen_folder import FrozenFolder, OpenFile
from cloud_service.store.names import (
    CHECKPOINT,
    HISTORIES,
    REQUESTS,
    SEGMENTS,
    STATIONS,
    holds_network,
    is_own,
    numbered,
)

_ATTEMPTS: Final = 20


class SnapshotFailed(TextError):
    """The folder could not be read. The text says why."""


def take_snapshot(place: Path, *, pause_seconds: float = 0.5) -> FrozenFolder:
    """Everything that the store has in this folder at one moment. Files of others are not opened.

    Tries again after a pause if a checkpoint was made in the meantime; usually, two checkpoints are further
    apart than reading the folder takes. Raises SnapshotFailed or DamagedStore.
    """
    if not place.is_dir():
        raise SnapshotFailed("{place} is not a folder", place=place)
    for _ in range(_ATTEMPTS):
        try:
            folder = _read_once(place)
        except FileNotFoundError:
            folder = None  # a checkpoint has replaced or removed a file in the meantime
        except OSError as error:
            raise SnapshotFailed("{place} cannot be read: {error}", place=place, error=error) from None
        if folder is not None:
            return folder
        time.sleep(pause_seconds)
    raise SnapshotFailed(
        "{place} cannot be copied: its checkpoints follow each other too fast; try again", place=place
    )


def _read_once(place: Path) -> FrozenFolder | None:
    """The folder's files; None if a checkpoint was made in the meantime."""
    before = _read_checkpoint(place)
    files = {} if before is None else {CHECKPOINT: before}
    checkpoint = BEFORE_THE_FIRST if before is None else read_checkpoint(FrozenFolder(place, files))
    names = _own_names(place)
    histories = {
        name: OpenFile(place / name, checkpoint.sizes.get(name))
        for name in names
        if HISTORIES.fullmatch(name)
    }
    files |= _files_of_checkpoint(place, names, checkpoint)
    files |= _segments_of_checkpoint(place, checkpoint)
    return FrozenFolder(place, files, histories) if _read_checkpoint(place) == before else None


def _files_of_checkpoint(place: Path, names: list[str], checkpoint: Checkpoint) -> dict[str, bytes]:
    """All but history and journal, without what a checkpoint that is being made has added."""
    newer = {name for sequence, name in numbered(names, REQUESTS) if sequence > checkpoint.sequence}
    return {
        name: _read(place / name)
        for name in names
        if name != CHECKPOINT
        and name not in newer
        and not SEGMENTS.fullmatch(name)
        and not HISTORIES.fullmatch(name)
    }


def _segments_of_checkpoint(place: Path, checkpoint: Checkpoint) -> dict[str, bytes]:
    """The segments after the checkpoint. A segment is complete once the next one has a name."""
    return {
        name: _read(place / name)
        for number, name in numbered(_own_names(place), SEGMENTS)
        if number >= checkpoint.segment
    }


def _own_names(place: Path) -> list[str]:
    """The names of the store's files. Raises SnapshotFailed if there is no network in the folder."""
    names = sorted(path.name for path in place.iterdir() if is_own(path.name))
    if not holds_network(names):
        raise SnapshotFailed(
            "{place} is not a data folder: it has no {stations}, no {checkpoint}, and no other file of a"
            " network; name the folder that the service was started with",
            place=place,
            stations=STATIONS,
            checkpoint=CHECKPOINT,
        )
    return names


def _read(path: Path) -> bytes:
    if path.is_symlink() and not path.exists():
        raise OSError(EINVAL, "links to a file that does not exist", str(path))
    with open_regular(path) as file:
        return file.read()


def _read_checkpoint(place: Path) -> bytes | None:
    try:
        return _read(place / CHECKPOINT)
    except FileNotFoundError:
        return None
