"""The history: reservations that finished or were cancelled, a line each, in a file a month.

How many bytes of each file count stands in the checkpoint. What lies behind them was written for a checkpoint
that did not come about; the journal has it still, so it is cut.
"""

from collections.abc import Iterable, Mapping
from itertools import groupby

import msgspec

from cloud_service.core.changes import Event
from cloud_service.store.filesystem import Folder, write_all


class History:
    """The files `history-YYYY-MM.jsonl`. An operator may take old ones away."""

    def __init__(self, folder: Folder, sizes: Mapping[str, int]) -> None:
        self._folder = folder
        self.sizes = dict(sizes)

    def append(self, events: Iterable[tuple[int, Event]]) -> None:
        """Adds events with their batches' sequence numbers. Where it fails, what counts is as before."""
        for name, rows in groupby(events, key=lambda row: f"history-{row[1].at:%Y-%m}.jsonl"):
            self._append(name, b"".join(_line(sequence, event) for sequence, event in rows))

    def _append(self, name: str, data: bytes) -> None:
        if not self.sizes.get(name):
            # Its name may be that of a sync that failed, and no later one tells whether it is on disk.
            self._folder.remove(name)
        file = self._folder.open(name)
        try:
            counts = min(self.sizes.get(name, 0), file.size)
            if file.size > counts:
                file.truncate(counts)
            write_all(file, data)
            file.sync()
            size = file.size
        finally:
            file.close()
        self._folder.sync()
        self.sizes[name] = size


def _line(sequence: int, event: Event) -> bytes:
    row = {
        "sequence": sequence,
        "type": event.type,
        "at": event.at.isoformat(),
        "reason": event.reason,
        "owner": event.owner,
        "legacy": event.reservation.legacy,
        "reservation": event.reservation.public(),
    }
    return msgspec.json.encode(row) + b"\n"
