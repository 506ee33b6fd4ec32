"""`checkpoint.json`: which batches the files beside it include, and the format of the whole folder.

FORMAT covers everything that the service writes in the folder: this file, `owners_and_ids.json`, the
journal, the request records and the history. It is raised only when an older version would misread what a
newer one writes. This is the upgrade policy:

- A version that finds an unknown FORMAT refuses to start, and changes nothing. A version that raises
  FORMAT has to read the formats before it; it writes its own with its first checkpoint.
- This file and `owners_and_ids.json` are read strictly: an unknown field may be damage, and stops the
  start. Adding a field to either raises FORMAT.
- The lines of the journal and of the request records are read leniently: an unknown field is ignored, and
  a missing field has its default. A field that older versions may ignore is added without raising FORMAT.
- FORMAT reaches the disk with a checkpoint. A version that raises it makes one before its first batch:
  otherwise an older version could replay lines of the journal that it misreads.
"""

from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct, field

from cloud_service.core.changes import Event
from cloud_service.store.errors import DamagedStore
from cloud_service.store.filesystem import Folder, replace_file
from cloud_service.store.journal import JournalPosition
from cloud_service.store.own_files import read_own_file

CHECKPOINT: Final = "checkpoint.json"
FORMAT: Final = 1


class _Version(Struct):
    """The part of a checkpoint that every format has."""

    format: int = FORMAT


class Checkpoint(Struct, frozen=True, forbid_unknown_fields=True):
    """What the files include. The journal from `segment` on holds the batches after it."""

    format: int = FORMAT
    sequence: int = 0
    """The last batch that the files include."""
    checksum: str = JournalPosition().checksum
    """The checksum of that batch's line in the journal."""
    segment: int = 1
    """The first segment that recovery has to read."""
    delivered: int = field(name="told", default=0)
    """The broker has acknowledged the events of the batches up to this one."""
    pending_events: tuple[tuple[int, Event], ...] = field(name="untold", default=())
    """The events in the outbox, each with the number of its batch."""
    sizes: dict[str, int] = field(default_factory=dict)
    """How many bytes of each history file count."""
    at: datetime | None = None

    @property
    def position(self) -> JournalPosition:
        """Where the journal continues."""
        return JournalPosition(self.sequence, self.checksum)


def read_checkpoint(folder: Folder) -> Checkpoint:
    """The folder's checkpoint; an empty one before the first.

    Raises DamagedStore if the folder has another format, or the file is not what the service wrote.
    """
    if CHECKPOINT not in folder.names():
        return Checkpoint()
    version = read_own_file(folder, CHECKPOINT, _Version).format
    if version != FORMAT:
        raise DamagedStore(
            folder.where(CHECKPOINT),
            None,
            f"written in format {version}, and this version reads format {FORMAT}",
            "Start the version that wrote it, or a newer one",
        )
    return read_own_file(folder, CHECKPOINT, Checkpoint)


def write_checkpoint(folder: Folder, checkpoint: Checkpoint) -> None:
    """Replaces the file in one step. Raises OSError."""
    replace_file(folder, CHECKPOINT, [msgspec.json.format(msgspec.json.encode(checkpoint), indent=4), b"\n"])
