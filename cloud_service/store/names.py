"""The names of the store's files. Any other file in the folder is a stranger's, and is never opened."""

import re
from collections.abc import Iterable
from typing import Final

from cloud_service.store.filesystem import Folder

STATIONS: Final = "charging_stations.json"
POINTS: Final = "charging_points.json"
RESERVATIONS: Final = "reservations.json"
CHECKPOINT: Final = "checkpoint.json"
OWNERS_AND_IDS: Final = "owners_and_ids.json"
DESCRIPTIONS: Final = "descriptions.json"
OPERATION: Final = "operation.json"
SET_ASIDE: Final = "set_aside.json"
UNFINISHED: Final = "restore-unfinished"
"""There while a backup is being restored: until it is gone, files are missing."""
HALF_COPIED: Final = "migration-unfinished"
"""There while a network is being copied here from a database: until it is gone, files are missing."""
BACKUPS: Final = "backups.jsonl"
"""Where backups of the folder were made. It is no part of the network."""
CLOCK: Final = "clock.json"
"""How fast time passes, and since when; only where it passes faster. It is no part of the network either."""

SEGMENTS: Final = re.compile(r"journal-([0-9]{6,})\.jsonl")
REQUESTS: Final = re.compile(r"requests-([0-9]{12,})\.jsonl")
HISTORIES: Final = re.compile(r"history-([0-9]{4}-[0-9]{2})\.jsonl")
BROKEN: Final = re.compile(r"journal-[0-9]{6,}\.jsonl\.[0-9]+\.broken")

FOR_PEOPLE: Final = (STATIONS, POINTS, RESERVATIONS)
"""The three files that people may read and edit."""
_SINGLE: Final = frozenset(
    (*FOR_PEOPLE, CHECKPOINT, OWNERS_AND_IDS, DESCRIPTIONS, OPERATION, SET_ASIDE, UNFINISHED, HALF_COPIED)
)


def segment_name(number: int) -> str:
    """The name of a segment of the journal."""
    return f"journal-{number:06}.jsonl"


def requests_name(sequence: int) -> str:
    """The name of the request records that the checkpoint after this batch wrote."""
    return f"requests-{sequence:012}.jsonl"


def is_own(name: str) -> bool:
    """Whether the store gives a file this name. Files that are still being written do not count."""
    return (
        name in _SINGLE
        or _is_numbered(name, SEGMENTS)
        or _is_numbered(name, REQUESTS)
        or HISTORIES.fullmatch(name) is not None
        or BROKEN.fullmatch(name) is not None
    )


def holds_network(names: Iterable[str]) -> bool:
    """Whether a folder with these names is a data folder, of the service or of the old server."""
    return any(
        name in (*FOR_PEOPLE, CHECKPOINT, OWNERS_AND_IDS, UNFINISHED, HALF_COPIED)
        or _is_numbered(name, SEGMENTS)
        or _is_numbered(name, REQUESTS)
        for name in names
    )


def numbered(names: Iterable[str], pattern: re.Pattern[str]) -> list[tuple[int, str]]:
    """The number and the name of each file of one kind, in the order of their numbers."""
    return sorted(
        (int(match[1]), name)
        for name in names
        if _is_numbered(name, pattern) and (match := pattern.fullmatch(name))
    )


def remove_numbered(folder: Folder, pattern: re.Pattern[str], before: int) -> None:
    """Removes the files of one kind whose numbers are below `before`."""
    for number, name in numbered(folder.names(), pattern):
        if number < before:
            folder.remove(name)


def _is_numbered(name: str, pattern: re.Pattern[str]) -> bool:
    """Whether the name is of this kind, and its number written as the store writes it."""
    match = pattern.fullmatch(name)
    if match is None:
        return False
    write = segment_name if pattern is SEGMENTS else requests_name
    return write(int(match[1])) == name
