"""The journal: each batch is one line, valid JSON by itself, in segments named `journal-NNNNNN.jsonl`.

    {"checksum":"5f0c1a2b","sequence":7,"previous":"9e3d4c5b","at":"2026-03-01T12:00:00Z",
     "changes":[...],"remembered":[...],"told":5}                (one line, ended by a newline)

`checksum` is the CRC-32, in hexadecimal, of all bytes after it in the line, from its closing quotation
mark to the newline. `previous` is the checksum of the line before, also across segments: a missing line
is noticed as well as a changed one. `changes` are records as they are afterwards, so that applying a line
twice does no harm. `remembered` are the request records of the batch. The broker had acknowledged the
events of the batches up to `told` when the line was written.

A line is complete if it ends with a newline and its checksum matches. Bytes after the last complete line are
a write that was cut off. No reply depended on it, and recovery sets it aside. A complete line after bytes
that are not one means that the disk changed what was written, and stops the start.

The journal has no version number; the upgrade policy is in cloud_service.store.checkpoint.
"""

from collections.abc import Iterator
from datetime import datetime
from typing import Final
from zlib import crc32

import msgspec
from msgspec import Struct, field

from cloud_service.core.changes import Changes
from cloud_service.language.text import Text
from cloud_service.store.errors import RESTORE, DamagedStore

_PREFIX: Final = b'{"checksum":"'
_AFTER_CHECKSUM: Final = b'",'
_END: Final = b"\n"
_HEAD_BYTES: Final = len(_PREFIX) + 8
"""The prefix and the checksum, which the checksum does not cover."""


class RequestRecord(Struct, frozen=True, gc=False, array_like=True):
    """What deduplication keeps of an answered request."""

    client: str
    identity: str
    fingerprint: bytes
    status: str
    body: str
    """The reply's members except the request ID."""


class Batch(Struct, frozen=True):
    """The content of a line."""

    sequence: int
    previous: str
    """The checksum of the line before; eight zeros before the first."""
    at: datetime
    changes: tuple[Changes, ...] = ()
    remembered: tuple[RequestRecord, ...] = ()
    delivered: int = field(name="told", default=0)
    """The broker has acknowledged the events of the batches up to this one."""


class JournalPosition(Struct, frozen=True):
    """The end of a line: where the next one continues."""

    sequence: int = 0
    checksum: str = "00000000"


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Batch).decode


def encode_line(batch: Batch) -> tuple[bytes, JournalPosition]:
    """The batch as a line, and the position after it.

    A line may have 40 MB, and to copy it takes as long as to write it: it is copied once.
    """
    members = memoryview(_encode(batch))[1:]
    checksum = f"{crc32(_END, crc32(members, crc32(_AFTER_CHECKSUM))):08x}"
    line = b"".join((_PREFIX, checksum.encode(), _AFTER_CHECKSUM, members, _END))
    return line, JournalPosition(batch.sequence, checksum)


def decode_line(line: bytes) -> tuple[Batch, JournalPosition] | None:
    """The batch of a line with its newline, and the position after it; None if it is incomplete."""
    if not line.startswith(_PREFIX) or not line.endswith(b"\n"):
        return None
    if line[len(_PREFIX) : _HEAD_BYTES] != f"{crc32(line[_HEAD_BYTES:]):08x}".encode():
        return None
    try:
        batch = _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return batch, JournalPosition(batch.sequence, line[len(_PREFIX) : _HEAD_BYTES].decode())


class SegmentReader(Struct):
    """Reads the batches of one segment."""

    where: str
    """The segment's file, for errors."""
    data: bytes
    position: JournalPosition
    """The end of the last line read; at first, of the last line before this segment."""
    end: int = 0
    """How many bytes of the segment are complete lines that were read."""

    @property
    def torn(self) -> bytes:
        """The bytes after the last complete line, once all batches were read."""
        return self.data[self.end :]

    def batches(self) -> Iterator[Batch]:
        """Raises DamagedStore for a missing line, and for a damaged line before a complete one."""
        while self.end < len(self.data):
            newline = self.data.find(b"\n", self.end)
            decoded = decode_line(self.data[self.end : newline + 1]) if newline >= 0 else None
            if decoded is None:
                self._refuse_if_more_follows()
                return
            batch, position = decoded
            if batch.sequence != self.position.sequence + 1 or batch.previous != self.position.checksum:
                last = self.position.sequence
                problem = Text(
                    "batch {next} does not continue batch {last}: lines are missing",
                    next=batch.sequence,
                    last=last,
                )
                raise DamagedStore(self.where, self.end, problem, RESTORE)
            yield batch
            self.position, self.end = position, newline + 1

    def _refuse_if_more_follows(self) -> None:
        at = self.data.find(_PREFIX, self.end + 1)
        while at >= 0:
            newline = self.data.find(b"\n", at)
            if newline >= 0 and decode_line(self.data[at : newline + 1]) is not None:
                problem = Text("this line is damaged, and a good one follows at byte {offset}", offset=at)
                raise DamagedStore(self.where, self.end, problem, RESTORE)
            at = self.data.find(_PREFIX, at + 1)
