"""`backups.jsonl`: where the copies of a data folder were made, a line each. Lines are only appended."""

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct

from cloud_service.store.filesystem import DiskFile, open_regular, sync_folder, write_all
from cloud_service.store.names import BACKUPS


class Copy(Struct, frozen=True):
    """A copy that was made."""

    at: datetime
    place: str
    """The folder, as an absolute path on the machine that made it."""


def record_copy(folder: Path, place: Path, at: datetime) -> None:
    """Adds a copy. Raises OSError."""
    file = DiskFile(folder / BACKUPS)
    try:
        write_all(file, msgspec.json.encode(Copy(at, str(place.resolve()))) + b"\n")
        file.sync()
    finally:
        file.close()
    sync_folder(folder)


def recorded_copies(folder: Path) -> list[Copy]:
    """The copies that were made, oldest first, each place once. Raises OSError."""
    try:
        with open_regular(folder / BACKUPS) as file:
            lines = file.read().splitlines()
    except FileNotFoundError:
        return []
    return list({copy.place: copy for copy in _copies(lines)}.values())


def _copies(lines: list[bytes]) -> Iterator[Copy]:
    for line in lines:
        try:
            yield msgspec.json.decode(line, type=Copy)
        except (msgspec.MsgspecError, ValueError):
            continue  # a line that a crash cut off: its copy was not answered for either
