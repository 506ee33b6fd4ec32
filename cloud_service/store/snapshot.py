"""A consistent copy of a data folder, taken without a lock beside the service that writes there.

Read are the checkpoint, the files, then the journal, then the checkpoint again. Where that is still the same,
nothing of the journal that it needs has been removed meanwhile; and the journal, being the youngest, has all
that the files may be ahead of the checkpoint. To read such a copy is what recovery after a crash is. Where
the checkpoint has changed, all is read again.
"""

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from cloud_service.store.checkpoint import CHECKPOINT, read_checkpoint
from cloud_service.store.filesystem import File
from cloud_service.store.names import REQUESTS, SEGMENTS, numbered

_TRIES: Final = 20
_PAUSE: Final = 0.5
"""Seconds. Two checkpoints are further apart than reading the folder takes, as a rule."""


class NoSnapshot(Exception):
    """The folder cannot be read. The text says why."""


class FrozenFolder:
    """Files in memory, as a Folder that cannot be changed."""

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
        raise PermissionError(f"{self.where(name)}: nothing is written here")

    def rename(self, old: str, new: str) -> None:
        self.open(old)

    def remove(self, name: str) -> None:
        self.open(name)

    def sync(self) -> None:
        pass


def take_snapshot(place: Path) -> FrozenFolder:
    """Everything that the store has in this folder, from one moment. Raises NoSnapshot, or DamagedStore."""
    if not place.is_dir():
        raise NoSnapshot(f"{place} is no folder")
    for _ in range(_TRIES):
        try:
            folder = _read_once(place)
        except FileNotFoundError:
            folder = None  # a checkpoint has put another file in its place, or needs it no longer
        except OSError as error:
            raise NoSnapshot(f"{place} cannot be read: {error}") from None
        if folder is not None:
            return folder
        time.sleep(_PAUSE)
    raise NoSnapshot(f"the checkpoints in {place} follow each other too fast to be copied; try again")


def _read_once(place: Path) -> FrozenFolder | None:
    """None where a checkpoint was made meanwhile."""
    before = _read(place, CHECKPOINT)
    files = {} if before is None else {CHECKPOINT: before}
    checkpoint = read_checkpoint(FrozenFolder(place, files))
    for path in sorted(place.iterdir()):
        name = path.name
        if not path.is_file() or name in ("lock", CHECKPOINT) or name.endswith(".new"):
            continue
        if not SEGMENTS.fullmatch(name):
            files[name] = path.read_bytes()[: checkpoint.sizes.get(name)]
    names = [path.name for path in place.iterdir()]  # whose older segments are complete by now
    for match in map(SEGMENTS.fullmatch, sorted(names)):
        if match and int(match[1]) >= checkpoint.segment:
            files[match[0]] = (place / match[0]).read_bytes()
    for sequence, name in numbered(FrozenFolder(place, files), REQUESTS):
        if sequence > checkpoint.sequence:
            del files[name]
    return FrozenFolder(place, files) if _read(place, CHECKPOINT) == before else None


def _read(place: Path, name: str) -> bytes | None:
    try:
        return (place / name).read_bytes()
    except FileNotFoundError:
        return None
