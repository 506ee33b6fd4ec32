"""Reading a folder: the files, then the journal over them, then what cannot be part of the network."""

import logging
from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Final

import msgspec
from msgspec import Struct

from cloud_service.core.changes import Event
from cloud_service.store import checkpoint as checkpoints
from cloud_service.store.checkpoint import Checkpoint
from cloud_service.store.checkpointing import SinceCheckpoint
from cloud_service.store.errors import DamagedStore
from cloud_service.store.filesystem import Folder, replace_file
from cloud_service.store.interface import Recovered, StoredRequest
from cloud_service.store.journal import RESTORE, Mark, Scan
from cloud_service.store.json_files import (
    ChargingPointsFile,
    ChargingStationsFile,
    ReservationsFile,
    SetAside,
)
from cloud_service.store.names import REQUESTS, SEGMENTS, numbered
from cloud_service.store.old_server import Intake

SET_ASIDE: Final = "set_aside.json"
_LINES_A_NOTE: Final = 20_000
"""A large journal takes some seconds: whoever waits for the service sees it come."""

_log = logging.getLogger(__name__)


class Found(Struct):
    """What a folder holds, and where the journal goes on."""

    recovered: Recovered
    mark: Mark
    delivered: int
    since_checkpoint: SinceCheckpoint
    sizes: dict[str, int]
    last_segment: int
    segments: list[tuple[str, Scan]]
    """Of the journal, by name; read to the end."""
    set_aside: list[SetAside]


def recover(folder: Folder, zone: tzinfo | None, now: datetime) -> Found:
    """Reads a folder, and leaves it so that the journal can go on.

    Nothing is written before all of it was found to be sound. Raises DamagedStore for whatever is not as the
    service or a person leaves it.
    """
    found = read_folder(folder, zone, now)
    found.recovered.notes += _settle(folder, found.segments)
    return found


def read_folder(folder: Folder, zone: tzinfo | None, now: datetime) -> Found:
    """Reads a folder and changes nothing. Raises DamagedStore."""
    checkpoint = checkpoints.read_checkpoint(folder)
    _log.info("reading the data folder, up to batch %d", checkpoint.sequence)
    intake = _read_files(folder, zone)
    recovered = Recovered(intake.tables, _read_requests(folder, checkpoint.sequence))
    mark, delivered, since_checkpoint = checkpoint.mark, checkpoint.delivered, SinceCheckpoint()
    events: list[tuple[int, Event]] = list(checkpoint.pending_events)
    last_segment = checkpoint.segment - 1
    segments: list[tuple[str, Scan]] = []
    for number, name, scan in journal_of(folder, checkpoint):
        for batch in scan.batches():
            for changes in batch.changes:
                intake.tables.apply(changes)
                events += [(batch.sequence, event) for event in changes.events]
            delivered = max(delivered, batch.delivered)
            since_checkpoint.add(batch)
            if since_checkpoint.batches % _LINES_A_NOTE == 0:
                _log.info("recovery: %d lines of the journal replayed", since_checkpoint.batches)
        mark, last_segment = scan.mark, number
        segments.append((name, scan))
    recovered.remembered += since_checkpoint.remembered
    recovered.pending_events = [row for row in events if row[0] > delivered]
    intake.check(now)
    intake.count_ids()
    recovered.notes += [f"{row.file}: set aside, {row.reason}: {row.record}" for row in intake.set_aside]
    return Found(
        recovered,
        mark,
        delivered,
        since_checkpoint,
        checkpoint.sizes,
        last_segment,
        segments,
        intake.set_aside,
    )


def journal_of(folder: Folder, checkpoint: Checkpoint) -> Iterator[tuple[int, str, Scan]]:
    """The segments that the checkpoint does not include; each has to be read to its end before the next."""
    mark = checkpoint.mark
    for number, name in numbered(folder, SEGMENTS):
        if number >= checkpoint.segment:
            scan = Scan(folder.where(name), folder.read(name), mark)
            yield number, name, scan
            mark = scan.mark


def keep_aside(folder: Folder, rows: list[SetAside]) -> None:
    """Adds rows to `set_aside.json`; those that are there stay."""
    kept: list[SetAside] = []
    if SET_ASIDE in folder.names():
        kept = checkpoints.decode(folder, SET_ASIDE, list[SetAside])
    kept += [row for row in rows if row not in kept]
    replace_file(folder, SET_ASIDE, [msgspec.json.format(msgspec.json.encode(kept), indent=4), b"\n"])


def _read_files(folder: Folder, zone: tzinfo | None) -> Intake:
    intake = Intake()
    stations, bad_stations = ChargingStationsFile(folder).read()
    points, bad_points = ChargingPointsFile(folder).read()
    reservations, bad_reservations = ReservationsFile(folder, zone).read()
    intake.set_aside += bad_stations + bad_points + bad_reservations
    intake.add_stations(stations)
    intake.add_points(points)
    intake.add_reservations(reservations)
    checkpoints.read_keeping(folder).restore(intake.tables)
    return intake


def _read_requests(folder: Folder, sequence: int) -> list[StoredRequest]:
    """What is remembered from the batches up to this one; the journal has the rest."""
    remembered: list[StoredRequest] = []
    for last, name in numbered(folder, REQUESTS):
        if last > sequence:
            continue
        text = b"[" + b",".join(folder.read(name).splitlines()) + b"]"
        try:
            remembered += msgspec.json.decode(text, type=list[StoredRequest])
        except (msgspec.MsgspecError, ValueError) as error:
            where = folder.where(name)
            raise DamagedStore(where, None, f"not what the service wrote: {error}", RESTORE) from None
    return remembered


def describe_torn(torn: bytes) -> str:
    """What can be said of the bytes behind the last good line."""
    if torn.endswith(b"\n"):
        return (
            "the last line is damaged: torn by a crash, or changed by the disk, and then its answers are lost"
        )
    return f"the last {len(torn)} bytes are no whole line: a write that a crash cut off, as a rule"


def _settle(folder: Folder, segments: list[tuple[str, Scan]]) -> list[str]:
    """Sets aside what is torn, and makes sure that what was read is on disk before anything builds on it.

    The last lines are written anew, in a file of their own: they may be those of a sync that failed, perhaps
    in a process that is gone, and no later sync of that file would say whether they are on disk.
    """
    notes = []
    filled = [name for name, scan in segments if scan.data]
    for name, scan in segments:
        torn = scan.data[scan.end :]
        if torn:
            broken = f"{name}.{scan.end}.broken"
            replace_file(folder, broken, [torn])
            place = f"{scan.where}, byte {scan.end}"
            notes.append(f"{place}: {describe_torn(torn)}; set aside in {broken}")
        if torn or name in filled[-1:]:
            replace_file(folder, name, [scan.data[: scan.end]])
    return notes
