"""`history-YYYY-MM.jsonl`: reservations that ended, a line each with their last state, by month.

The checkpoint says how many bytes of each file count. The bytes after them were written for a checkpoint that
failed. The journal still has their events, so they are cut off before the next line is written.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import groupby

import msgspec

from cloud_service.core.changes import Event
from cloud_service.store.filesystem import Folder, write_all


class History:
    """The history files. Old ones are removed: by checkpoints, and by operators."""

    def __init__(self, folder: Folder, sizes: Mapping[str, int]) -> None:
        """`sizes` says how many bytes of each file count."""
        self._folder = folder
        self.sizes = dict(sizes)

    def append(self, events: Iterable[tuple[int, Event]]) -> None:
        """Adds events, each with the number of its batch. An OSError leaves the sizes as they were."""
        sizes = dict(self.sizes)
        for name, rows in groupby(events, key=lambda row: f"history-{row[1].at:%Y-%m}.jsonl"):
            data = b"".join(history_line(sequence, event) + b"\n" for sequence, event in rows)
            sizes[name] = self._append(name, sizes.get(name, 0), data)
        self.sizes = sizes

    def _append(self, name: str, size: int, data: bytes) -> int:
        """Adds data after the first `size` bytes of a file, and returns the file's new size."""
        if not size:
            # After a failed sync, only a new file's name can be trusted to reach the disk.
            self._folder.remove(name)
        file = self._folder.open(name)
        try:
            if file.size > size:
                file.truncate(size)
            write_all(file, data)
            file.sync()
            new_size = file.size
        finally:
            file.close()
        self._folder.sync()
        return new_size


def months_before(now: datetime, months: int) -> str:
    """The month this many before the current one, as the names of the files have it."""
    number = max(now.year * 12 + now.month - 1 - months, 12)
    return f"{number // 12:04}-{number % 12 + 1:02}"


def history_row(event: Event) -> dict[str, object]:
    """A reservation that ended, as the history has it."""
    row: dict[str, object] = {
        "type": event.type,
        "at": event.at.isoformat(),
        "reason": event.reason,
        "owner": event.owner,
        "legacy": event.reservation.legacy,
        "reservation": event.reservation.described(),
    }
    if event.energy is not None:
        row["energy"] = event.energy
    return row


def history_line(sequence: int, event: Event) -> bytes:
    """The line of the history, without its end, for a reservation that ended in this batch."""
    return msgspec.json.encode({"sequence": sequence, **history_row(event)})
