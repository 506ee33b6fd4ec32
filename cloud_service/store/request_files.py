"""`requests-N.jsonl`: the request records that a checkpoint takes out of the journal, a line each.

A file is removed as a whole once deduplication has forgotten every record in it.
"""

from collections.abc import Iterable

import msgspec

from cloud_service.store.checkpoint import FORMAT, Checkpoint
from cloud_service.store.filesystem import Folder, replace_file
from cloud_service.store.interface import StoredRequest
from cloud_service.store.names import REQUESTS, numbered, requests_name
from cloud_service.store.own_files import decode_own_file


def write_requests(folder: Folder, sequence: int, requests: Iterable[StoredRequest]) -> int:
    """Writes the requests of the batches up to this one that no earlier file has. Raises OSError.

    Returns the size of the file.
    """
    rows = (msgspec.json.encode(row) + b"\n" for row in requests)
    return replace_file(folder, requests_name(sequence), rows)


def read_requests(folder: Folder, sequence: int) -> list[StoredRequest]:
    """The requests of the batches up to this one, oldest first; the journal has those after it.

    A later file belongs to a checkpoint that a crash prevented, and is ignored. Raises DamagedStore.
    """
    requests: list[StoredRequest] = []
    for last, name in numbered(folder.names(), REQUESTS):
        if last <= sequence:
            array = b"[" + b",".join(folder.read(name).splitlines()) + b"]"
            requests += decode_own_file(folder.where(name), array, list[StoredRequest])
    return requests


def sizes_of_requests(folder: Folder, checkpoint: Checkpoint) -> dict[str, int]:
    """The size of each file that `read_requests` reads. Format 1 does not say which there are."""
    if checkpoint.format == FORMAT:
        return dict(checkpoint.requests)
    return {
        name: folder.size(name)
        for last, name in numbered(folder.names(), REQUESTS)
        if last <= checkpoint.sequence
    }
