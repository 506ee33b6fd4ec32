"""The names of the store's numbered files."""

import re
from typing import Final

from cloud_service.store.filesystem import Folder

SEGMENTS: Final = re.compile(r"journal-(\d{6,})\.jsonl")
REQUESTS: Final = re.compile(r"requests-(\d{12,})\.jsonl")


def segment_name(number: int) -> str:
    """The name of a segment of the journal."""
    return f"journal-{number:06}.jsonl"


def requests_name(sequence: int) -> str:
    """The name of the request records that the checkpoint after this batch wrote."""
    return f"requests-{sequence:012}.jsonl"


def numbered(folder: Folder, pattern: re.Pattern[str]) -> list[tuple[int, str]]:
    """The number and the name of each file of one kind, in the order of their numbers."""
    matches = (pattern.fullmatch(name) for name in folder.names())
    return sorted((int(match[1]), match[0]) for match in matches if match)


def remove_numbered(folder: Folder, pattern: re.Pattern[str], before: int) -> None:
    """Removes the files of one kind whose numbers are below `before`."""
    for number, name in numbered(folder, pattern):
        if number < before:
            folder.remove(name)
