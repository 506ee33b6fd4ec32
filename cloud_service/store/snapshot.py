"""A consistent copy of a data folder, taken without a lock while the service may be writing there.

The checkpoint is read first, then the files, then the journal, then the checkpoint again. If it has not
changed, the journal is complete, because only checkpoints remove segments; and it has everything by which
the files are ahead of the checkpoint, because it was read last. Reading such a copy is what recovery
after a crash does. If the checkpoint has changed, everything is read again.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cloud_service.store.checkpoint import CHECKPOINT, Checkpoint, read_checkpoint
from cloud_service.store.filesystem import LOCK, TEMPORARY, File
from cloud_service.store.names import REQUESTS, SEGMENTS, numbered

_ATTEMPTS: Final = 20


class SnapshotFailed(Exception):
    """The folder could not be read. The text says why."""


class FrozenFolder:
    """A Folder of files in memory that cannot be changed."""

    def __init__(self, place: Path, files: Mapping[str, bytes]) -> None:
        self.files = files
        self._place = place

    def names(self) -> list[str]:
        return list(self.files)

    def read(self, name: str) -> bytes:
        return self.files[name]

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


def take_snapshot(place: Path, *, pause_seconds: float = 0.5) -> FrozenFolder:
    """Everything that the store has in this folder at one moment.

    Tries again after a pause if a checkpoint was made in the meantime; usually, two checkpoints are further
    apart than reading the folder takes. Raises SnapshotFailed or DamagedStore.
    """
    if not place.is_dir():
        raise SnapshotFailed(f"{place} is not a folder")
    for _ in range(_ATTEMPTS):
        try:
            folder = _read_once(place)
        except FileNotFoundError:
            folder = None  # a checkpoint has replaced or removed a file in the meantime
        except OSError as error:
            raise SnapshotFailed(f"{place} cannot be read: {error}") from None
        if folder is not None:
            return folder
        time.sleep(pause_seconds)
    raise SnapshotFailed(f"{place} cannot be copied: its checkpoints follow each other too fast; try again")


def _read_once(place: Path) -> FrozenFolder | None:
    """The folder's files; None if a checkpoint was made in the meantime."""
    before = _read(place, CHECKPOINT)
    files = {} if before is None else {CHECKPOINT: before}
    checkpoint = read_checkpoint(FrozenFolder(place, files))
    files |= _files_of_checkpoint(place, checkpoint)
    files |= _segments_of_checkpoint(place, checkpoint)
    return FrozenFolder(place, files) if _read(place, CHECKPOINT) == before else None


def _files_of_checkpoint(place: Path, checkpoint: Checkpoint) -> dict[str, bytes]:
    """Everything but the journal, without what a checkpoint that is being made has added."""
    files = {}
    for path in sorted(place.iterdir()):
        name = path.name
        if not path.is_file() or name in (LOCK, CHECKPOINT) or name.endswith(TEMPORARY):
            continue
        if not SEGMENTS.fullmatch(name):
            files[name] = path.read_bytes()[: checkpoint.sizes.get(name)]
    for sequence, name in numbered(FrozenFolder(place, files), REQUESTS):
        if sequence > checkpoint.sequence:
            del files[name]
    return files


def _segments_of_checkpoint(place: Path, checkpoint: Checkpoint) -> dict[str, bytes]:
    """The segments after the checkpoint. A segment is complete once the next one has a name."""
    names = sorted(path.name for path in place.iterdir())
    return {
        match[0]: (place / match[0]).read_bytes()
        for match in map(SEGMENTS.fullmatch, names)
        if match and int(match[1]) >= checkpoint.segment
    }


def _read(place: Path, name: str) -> bytes | None:
    try:
        return (place / name).read_bytes()
    except FileNotFoundError:
        return None
