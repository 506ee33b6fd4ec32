"""Which files have to be there once the service has written them: one that is gone is not an empty one."""

from collections.abc import Iterator
from typing import Final

from cloud_service.language.text import Text
from cloud_service.store.checkpoint import DESCRIBED_SINCE, OPERATED_SINCE, Checkpoint
from cloud_service.store.errors import RESTORE, DamagedStore
from cloud_service.store.filesystem import Folder
from cloud_service.store.names import (
    DESCRIPTIONS,
    HISTORIES,
    OPERATION,
    OWNERS_AND_IDS,
    POINTS,
    RESERVATIONS,
    STATIONS,
    segment_name,
)

_RESTORE_OR_EMPTY: Final = Text(
    "Restore the file from a backup of the same moment, or the whole folder; if the network is to have none,"
    " write [] into the file"
)
_HELD: Final = {
    STATIONS: (Text("it holds the stations"), _RESTORE_OR_EMPTY),
    POINTS: (Text("it holds the charging points"), _RESTORE_OR_EMPTY),
    RESERVATIONS: (Text("it holds the reservations"), _RESTORE_OR_EMPTY),
    OWNERS_AND_IDS: (Text("it says who owns the stations, and which IDs were given"), RESTORE),
}


def require_files(folder: Folder, checkpoint: Checkpoint) -> None:
    """Raises DamagedStore if something that this checkpoint builds on is missing or cut short."""
    names = frozenset(folder.names())
    for name, (content, advice) in _HELD.items():
        if name not in names:
            raise _missing(folder, name, content, advice)
    if checkpoint.format >= DESCRIBED_SINCE and DESCRIPTIONS not in names:
        raise _missing(folder, DESCRIPTIONS, Text("it holds names, addresses and connectors"), RESTORE)
    if checkpoint.format >= OPERATED_SINCE and OPERATION not in names:
        raise _missing(folder, OPERATION, Text("it holds sessions, wishes and tariffs"), RESTORE)
    for name, size in checkpoint.requests.items():
        if name not in names:
            raise _missing(folder, name, Text("it holds requests that were answered"), RESTORE)
        _require_size(folder, name, size, Text("requests that were answered"))
    removed = removed_histories(folder, checkpoint)
    for name, size in checkpoint.sizes.items():
        if name in names:
            _require_size(folder, name, size, Text("reservations that ended"))
        elif name not in removed:
            raise _missing(folder, name, Text("it holds reservations that ended"), RESTORE)
    if checkpoint.journal and segment_name(checkpoint.segment) not in names:
        content = Text("it holds what was answered since the last checkpoint")
        raise _missing(folder, segment_name(checkpoint.segment), content, RESTORE)


def removed_histories(folder: Folder, checkpoint: Checkpoint) -> list[str]:
    """The history that an operator removed, as operators may: the oldest months, never the current one."""
    return list(_oldest_missing(frozenset(folder.names()), checkpoint))


def _oldest_missing(names: frozenset[str], checkpoint: Checkpoint) -> Iterator[str]:
    for name in sorted(checkpoint.sizes):
        match = HISTORIES.fullmatch(name)
        month = match[1] if match else ""
        if name in names or (checkpoint.at is not None and month >= f"{checkpoint.at:%Y-%m}"):
            return
        yield name


def _require_size(folder: Folder, name: str, size: int, content: Text) -> None:
    found = folder.size(name)
    if found < size:
        problem = Text(
            "has {found} bytes, and the checkpoint counts {size}: {content} are missing",
            found=found,
            size=size,
            content=content,
        )
        raise DamagedStore(folder.where(name), found, problem, RESTORE)


def _missing(folder: Folder, name: str, content: Text, advice: Text) -> DamagedStore:
    return DamagedStore(folder.where(name), None, Text("missing: {content}", content=content), advice)
