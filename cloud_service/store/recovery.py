"""Recovery: reads a folder's files, replays the journal over them, and sets aside what cannot be used."""

import logging
from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Final

from msgspec import Struct, field

from cloud_service.core.changes import Event
from cloud_service.core.tables import Tables
from cloud_service.language.text import Text
from cloud_service.store.checkpoint import (
    BEFORE_THE_FIRST,
    DESCRIBED_SINCE,
    OPERATED_SINCE,
    Checkpoint,
    read_checkpoint,
)
from cloud_service.store.checkpoint_writer import JournalTail
from cloud_service.store.contradictions import resolve_contradictions
from cloud_service.store.descriptions import read_descriptions
from cloud_service.store.errors import DamagedStore
from cloud_service.store.filesystem import Folder, replace_file
from cloud_service.store.interface import Recovered
from cloud_service.store.journal import Batch, JournalPosition, SegmentReader
from cloud_service.store.json_files import ChargingPointsFile, ChargingStationsFile, ReservationsFile
from cloud_service.store.last_states import with_last_state, with_last_states
from cloud_service.store.names import HALF_COPIED, SEGMENTS, UNFINISHED, numbered
from cloud_service.store.operation import read_operation
from cloud_service.store.owners_and_ids import read_owners_and_ids
from cloud_service.store.request_files import read_requests
from cloud_service.store.required_files import removed_histories, require_files
from cloud_service.store.set_aside import SetAside
from cloud_service.store.sound_files import SharedNumbers
from cloud_service.store.tables_builder import TablesBuilder

_LINES_PER_LOG_LINE: Final = 20_000
"""A large journal takes seconds to replay; the log shows the progress."""

_log = logging.getLogger(__name__)


class FolderContents(Struct, frozen=True):
    """What a folder holds, and what the store needs to continue it."""

    recovered: Recovered
    set_aside: list[SetAside]
    corrections: list[Text]
    """What sessions and reservations contradicted each other in, and how it was resolved."""
    position: JournalPosition
    """Where the journal continues."""
    delivered: int
    """The broker has acknowledged the events of the batches up to this one."""
    tail: JournalTail
    checkpoint: Checkpoint
    last_segment: int
    segments: list[tuple[str, SegmentReader]]
    """The segments by name, read to their ends."""


def recover(folder: Folder, zone: tzinfo | None, now: datetime) -> FolderContents:
    """Reads a folder, and prepares it for the journal to continue.

    Writes nothing before everything was read and found sound. Raises DamagedStore or OSError.
    """
    contents = read_folder(folder, zone, now)
    contents.recovered.notes += secure_journal(folder, contents.segments)
    return contents


def read_folder(folder: Folder, zone: tzinfo | None, now: datetime) -> FolderContents:
    """Reads a folder without changing it. Dates without an offset are in `zone`; None means the machine's.

    Raises DamagedStore if a file is not as the service or a person leaves it.
    """
    _refuse_unfinished(folder)
    checkpoint = read_checkpoint(folder)
    if checkpoint is not BEFORE_THE_FIRST:
        require_files(folder, checkpoint)
    _log.info("reading the data folder, up to batch %d", checkpoint.sequence)
    builder = _read_files(folder, zone)
    if checkpoint.format >= DESCRIBED_SINCE:
        read_descriptions(folder).restore(builder.tables)
    if checkpoint.format >= OPERATED_SINCE:
        read_operation(folder).restore(builder.tables)
    requests = read_requests(folder, checkpoint.sequence)
    has_states = checkpoint.format >= OPERATED_SINCE
    replay = _Replay(
        builder.tables,
        checkpoint.delivered,
        [
            (sequence, event if has_states else with_last_state(event))
            for sequence, event in checkpoint.pending_events
        ],
    )
    position, last_segment = checkpoint.position, checkpoint.segment - 1
    segments: list[tuple[str, SegmentReader]] = []
    for number, name, reader in read_segments(folder, checkpoint):
        for batch in reader.batches():
            replay.apply(batch if has_states else with_last_states(batch))
        position, last_segment = reader.position, number
        segments.append((name, reader))
    builder.set_misfits_aside(now)
    corrections = resolve_contradictions(builder.tables)
    builder.count_ids()
    return FolderContents(
        Recovered(
            builder.tables,
            requests + replay.tail.requests,
            [row for row in replay.events if row[0] > replay.delivered],
            [
                *(f"{row.file}: set aside, {row.reason}: {row.record}" for row in builder.set_aside),
                *map(str, corrections),
                *(str(describe_removed(folder, name)) for name in removed_histories(folder, checkpoint)),
            ],
        ),
        builder.set_aside,
        corrections,
        position,
        replay.delivered,
        replay.tail,
        checkpoint,
        last_segment,
        segments,
    )


def _refuse_unfinished(folder: Folder) -> None:
    if HALF_COPIED in folder.names():
        problem = Text("a network was being copied here from a database, and files are missing")
        raise DamagedStore(
            folder.where(HALF_COPIED), None, problem, Text("Run the same `recharge migrate` again")
        )
    if UNFINISHED in folder.names():
        problem = Text("a backup was being restored here, and files are missing")
        raise DamagedStore(
            folder.where(UNFINISHED), None, problem, Text("Run the same `recharge restore` again")
        )


class _Replay(Struct):
    """What the files and the batches applied so far amount to."""

    tables: Tables
    delivered: int
    events: list[tuple[int, Event]]
    tail: JournalTail = field(default_factory=JournalTail)

    def apply(self, batch: Batch) -> None:
        for changes in batch.changes:
            self.tables.apply(changes)
            self.events += [(batch.sequence, event) for event in changes.events]
        self.delivered = max(self.delivered, batch.delivered)
        self.tail.add(batch)
        if self.tail.batches % _LINES_PER_LOG_LINE == 0:
            _log.info("recovery: %d lines of the journal replayed", self.tail.batches)


def read_segments(folder: Folder, checkpoint: Checkpoint) -> Iterator[tuple[int, str, SegmentReader]]:
    """The number, name and reader of each segment after the checkpoint.

    Each has to be read to its end before the next, which continues it.
    """
    position = checkpoint.position
    for number, name in numbered(folder.names(), SEGMENTS):
        if number >= checkpoint.segment:
            reader = SegmentReader(folder.where(name), folder.read(name), position)
            yield number, name, reader
            position = reader.position


def secure_journal(folder: Folder, segments: list[tuple[str, SegmentReader]]) -> list[str]:
    """Sets torn bytes aside, makes sure that the lines read are on disk, and returns notes for the log.

    The last segment with lines is written again, as a new file. It may be one whose sync failed, perhaps in
    a process that is gone, and a later sync of that file would not say whether its lines are on disk.
    """
    notes = []
    filled = [name for name, reader in segments if reader.data]
    for name, reader in segments:
        if reader.torn:
            broken = f"{name}.{reader.end}.broken"
            replace_file(folder, broken, [reader.torn])
            notes.append(f"{describe_torn(reader)}; set aside in {broken}")
        if reader.torn or name in filled[-1:]:
            replace_file(folder, name, [reader.data[: reader.end]])
    return notes


def describe_torn(reader: SegmentReader) -> Text:
    """Where the torn bytes of a segment are, and what they probably are."""
    if reader.torn.endswith(b"\n"):
        problem = Text(
            "the last line is damaged: torn by a crash, or changed by the disk;"
            " in the second case its replies are lost"
        )
    else:
        problem = Text(
            "the last {bytes} bytes are not a complete line: usually a write that a crash cut off",
            bytes=len(reader.torn),
        )
    return Text("{file}, byte {offset}: {problem}", file=reader.where, offset=reader.end, problem=problem)


def describe_removed(folder: Folder, name: str) -> Text:
    """What is missing with a history file that an operator removed."""
    return Text(
        "{file} was removed, and with it the reservations that ended in that month", file=folder.where(name)
    )


def _read_files(folder: Folder, zone: tzinfo | None) -> TablesBuilder:
    builder, shared = TablesBuilder(), SharedNumbers()
    stations, bad_stations = ChargingStationsFile(folder, zone, shared).read()
    points, bad_points = ChargingPointsFile(folder, zone, shared).read()
    reservations, bad_reservations = ReservationsFile(folder, zone, shared).read()
    builder.set_aside += bad_stations + bad_points + bad_reservations
    builder.add_stations(stations)
    builder.add_points(points)
    builder.add_reservations(reservations)
    read_owners_and_ids(folder).restore(builder.tables)
    return builder
