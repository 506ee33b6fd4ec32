"""The names of the store's numbered files."""

import re
from typing import Final

from cloud_service.store.filesystem import Folder

SEGMENTS: Final = re.compile(r"journal-(\d{6,})\.jsonl")
REQUESTS: Final = re.compile(r"requests-(\d{12,})\.jsonl")


def segment_name(number: int) -> str:
    """A segment of the journal."""
    return f"journal-{number:06}.jsonl"


def requests_name(sequence: int) -> str:
    """Requests remembered from the batches up to this one."""
    return f"requests-{sequence:012}.jsonl"


def numbered(folder: Folder, pattern: re.Pattern[str]) -> list[tuple[int, str]]:
    """The files of one kind in the order of their numbers."""
    matches = (pattern.fullmatch(name) for name in folder.names())
    return sorted((int(match[1]), match[0]) for match in matches if match)
