"""`checkpoint.json`: which batches the files beside it include, and the format of the whole folder.

FORMAT covers everything that the service writes in the folder: this file, `owners_and_ids.json`,
`descriptions.json`, `operation.json`, the journal, the request records and the history. It is raised only
when an older version would misread what a newer one writes. This is the upgrade policy:

- A version that finds an unknown FORMAT refuses to start, and changes nothing. A version that raises
  FORMAT has to read the formats before it; it writes its own with its first checkpoint.
- This file, `owners_and_ids.json`, `descriptions.json` and `operation.json` are read strictly: a field that
  is unknown or missing may be damage, and stops the start. Adding a field to one of them raises FORMAT.
- The lines of the journal and of the request records are read leniently: an unknown field is ignored, and
  a missing field has its default. So are the sessions, wishes and tariffs in `operation.json`. A field that
  older versions may ignore is added without raising FORMAT.
- FORMAT reaches the disk with a checkpoint. A version that raises it makes one before its first batch:
  otherwise an older version could replay lines of the journal that it misreads.
"""

from datetime import datetime
from typing import Final

import msgspec
from msgspec import Struct, field

from cloud_service.core.changes import Event
from cloud_service.language.text import Text
from cloud_service.store.errors import RESTORE, DamagedStore
from cloud_service.store.filesystem import Folder, replace_file
from cloud_service.store.journal import JournalPosition
from cloud_service.store.names import (
    CHECKPOINT,
    HISTORIES,
    OWNERS_AND_IDS,
    REQUESTS,
    SEGMENTS,
    segment_name,
)
from cloud_service.store.own_files import read_own_file

FORMAT: Final = 4
"""What is new: 4 has `operation.json`; 3 has `descriptions.json`; 2 says which request records there
are, and whether the journal has to be there."""

DESCRIBED_SINCE: Final = 3
"""Beside a checkpoint of an older format, a file with the name of `descriptions.json` is a stranger's."""

OPERATED_SINCE: Final = 4
"""The same for `operation.json`."""


class _Version(Struct):
    """The part of a checkpoint that every format has."""

    format: int


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
    requests: dict[str, int] = field(default_factory=dict)
    """How many bytes each file of request records has."""
    journal: bool = False
    """Whether the journal continues in `segment`, which has to be there then. False after a clean stop."""
    at: datetime | None = None

    @property
    def position(self) -> JournalPosition:
        """Where the journal continues."""
        return JournalPosition(self.sequence, self.checksum)


BEFORE_THE_FIRST: Final = Checkpoint(format=0)
"""What counts while a folder has no checkpoint."""

_SINCE_FORMAT_2: Final = frozenset(("requests", "journal"))


def read_checkpoint(folder: Folder) -> Checkpoint:
    """The folder's checkpoint; BEFORE_THE_FIRST if none was made yet.

    Raises DamagedStore if the folder has another format, the file is not what the service wrote, or it is
    missing although one was made.
    """
    if CHECKPOINT not in folder.names():
        _refuse_if_one_was_made(folder)
        return BEFORE_THE_FIRST
    version = read_own_file(folder, CHECKPOINT, _Version).format
    if not 1 <= version <= FORMAT:
        raise DamagedStore(
            folder.where(CHECKPOINT),
            None,
            Text(
                "written in format {version}, and this version reads formats 1 to {newest}",
                version=version,
                newest=FORMAT,
            ),
            Text("Start the version that wrote it, or a newer one"),
        )
    checkpoint = read_own_file(folder, CHECKPOINT, Checkpoint)
    _require_all_keys(folder, version)
    return checkpoint


def _refuse_if_one_was_made(folder: Folder) -> None:
    """The journal begins with its first segment until a checkpoint was made, and never again afterwards."""
    names = folder.names()
    if segment_name(1) in names:
        return
    traces = sorted(
        name
        for name in names
        if name == OWNERS_AND_IDS or any(kind.fullmatch(name) for kind in (SEGMENTS, REQUESTS, HISTORIES))
    )
    if traces:
        problem = Text("missing: {file} shows that the service has written it", file=traces[0])
        raise DamagedStore(folder.where(CHECKPOINT), None, problem, RESTORE)


def _require_all_keys(folder: Folder, version: int) -> None:
    """A key that is missing would read as if nothing had ever been written."""
    there = read_own_file(folder, CHECKPOINT, dict[str, msgspec.Raw]).keys()
    for key in msgspec.structs.fields(Checkpoint):
        if key.encode_name not in there and not (version == 1 and key.encode_name in _SINCE_FORMAT_2):
            problem = Text("not what the service wrote: it lacks the key {key!r}", key=key.encode_name)
            raise DamagedStore(folder.where(CHECKPOINT), None, problem, RESTORE)


def write_checkpoint(folder: Folder, checkpoint: Checkpoint) -> None:
    """Replaces the file in one step. Raises OSError."""
    replace_file(folder, CHECKPOINT, [msgspec.json.format(msgspec.json.encode(checkpoint), indent=4), b"\n"])
