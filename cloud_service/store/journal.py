"""The journal: a line a batch of decisions, each valid JSON, chained by checksums over its segments.

A line is whole when it ends with a newline and its checksum fits. What follows the last whole line, and holds
none, is a write that no answer ever depended on, or one that the disk did to pieces: it is set aside.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final
from zlib import crc32

import msgspec
from msgspec import Struct, field

from cloud_service.core.changes import Changes
from cloud_service.store.errors import DamagedStore

_PREFIX: Final = b'{"checksum":"'
_HEAD: Final = len(_PREFIX) + 8
RESTORE: Final = "Restore the folder from a backup, or ask for help with this file at hand"


class RequestRecord(Struct, frozen=True, gc=False, array_like=True):
    """A request that was answered, and its answer: what makes a further delivery take no effect."""

    client: str
    identity: str
    fingerprint: bytes
    status: str
    body: str
    """The reply's members but for its request ID."""


class Batch(Struct, frozen=True):
    """What one line of the journal holds."""

    sequence: int
    previous: str
    """The checksum of the line before; eight zeros before the first."""
    at: datetime
    changes: tuple[Changes, ...] = ()
    remembered: tuple[RequestRecord, ...] = ()
    delivered: int = field(name="told", default=0)
    """The events of the batches up to this sequence number have reached the broker."""


class Mark(Struct, frozen=True):
    """A place in the journal: the last line up to there."""

    sequence: int = 0
    checksum: str = "00000000"


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Batch).decode


def encode_line(batch: Batch) -> tuple[bytes, Mark]:
    """The batch as a line, and its place."""
    rest = b'",' + _encode(batch)[1:] + b"\n"
    checksum = f"{crc32(rest):08x}"
    return _PREFIX + checksum.encode() + rest, Mark(batch.sequence, checksum)


def decode_line(line: bytes) -> tuple[Batch, Mark] | None:
    """The batch of a whole line with its newline; None where it is not what was written."""
    if not line.startswith(_PREFIX) or not line.endswith(b"\n"):
        return None
    if line[len(_PREFIX) : _HEAD] != f"{crc32(line[_HEAD:]):08x}".encode():
        return None
    try:
        batch = _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return batch, Mark(batch.sequence, line[len(_PREFIX) : _HEAD].decode())


class Scan(Struct):
    """Reads one segment. After the batches, `end` is where its whole lines end."""

    where: str
    data: bytes
    mark: Mark
    """The last line before this segment, and while reading the last one read."""
    end: int = 0

    def batches(self) -> Iterator[Batch]:
        """Raises DamagedStore for a gap, a broken chain, and a bad line before a good one."""
        while self.end < len(self.data):
            newline = self.data.find(b"\n", self.end)
            decoded = decode_line(self.data[self.end : newline + 1]) if newline >= 0 else None
            if decoded is None:
                self._refuse_if_more_follows()
                return
            batch, mark = decoded
            if batch.sequence != self.mark.sequence + 1 or batch.previous != self.mark.checksum:
                problem = (
                    f"batch {batch.sequence} does not continue batch {self.mark.sequence}: lines are missing"
                )
                raise DamagedStore(self.where, self.end, problem, RESTORE)
            yield batch
            self.mark, self.end = mark, newline + 1

    def _refuse_if_more_follows(self) -> None:
        at = self.data.find(_PREFIX, self.end + 1)
        while at >= 0:
            newline = self.data.find(b"\n", at)
            if newline >= 0 and decode_line(self.data[at : newline + 1]) is not None:
                raise DamagedStore(
                    self.where,
                    self.end,
                    f"this line is damaged, and a good one follows at byte {at}",
                    RESTORE,
                )
            at = self.data.find(_PREFIX, at + 1)
