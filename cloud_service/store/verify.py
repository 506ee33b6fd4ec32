"""Checks a data folder from its files: whether it can be read, and whether what it holds fits together."""

from collections.abc import Iterator
from datetime import datetime, tzinfo
from typing import Any

import msgspec
from msgspec import Struct, field

from cloud_service.core.network import Tables
from cloud_service.core.records import ReservationKey
from cloud_service.store.checkpoint import read_checkpoint
from cloud_service.store.errors import RESTORE, DamagedStore
from cloud_service.store.filesystem import Folder
from cloud_service.store.journal import Batch
from cloud_service.store.recovery import describe_torn, read_folder, read_segments
from cloud_service.store.verify_ids import find_reused_ids
from cloud_service.store.verify_times import find_close_reservations, find_overlaps


class Report(Struct):
    """What was found. The folder is sound if there are no findings; notes are for information."""

    findings: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    tables: Tables = field(default_factory=Tables)
    sequence: int = 0
    """The number of the last batch."""
    lines: int = 0
    """Batches in the journal: those since the last checkpoint."""
    remembered: int = 0
    """Request records."""
    ended: int = 0
    """Reservations in the history."""
    readable: bool = True
    """False if the service would refuse to start on the folder. Nothing was counted then."""


def unreadable(damage: DamagedStore) -> Report:
    """The report on a folder that the service would refuse to start on."""
    return Report(findings=[str(damage)], readable=False)


def examine(folder: Folder, zone: tzinfo | None, now: datetime) -> Report:
    """Reads a folder as the service would, without changing it, and reports what is wrong in it.

    Dates without an offset are in `zone`; None means the machine's.
    """
    try:
        batches = list(_batches(folder))
        # A reservation counts as scheduled if it was when the last batch was written.
        last_moment = batches[-1].at if batches else read_checkpoint(folder).at or now
        contents = read_folder(folder, zone, last_moment)
        history = list(_history(folder, contents.history_sizes))
    except DamagedStore as damage:
        return unreadable(damage)
    tables, sizes = contents.recovered.tables, contents.history_sizes
    scheduled = tables.reservations.values()
    return Report(
        findings=[
            *(f"{row.file}: {row.reason}: {row.record}" for row in contents.set_aside),
            *_cut_short(folder, sizes),
            *find_reused_ids(tables, batches, history),
            *find_overlaps(batches, scheduled),
        ],
        notes=[
            *find_close_reservations(row for row in scheduled if row.finish > last_moment),
            *(
                f"{describe_torn(reader)}; the next start sets it aside"
                for _, reader in contents.segments
                if reader.torn
            ),
            *_removed(folder, sizes),
        ],
        tables=tables,
        sequence=contents.position.sequence,
        lines=len(batches),
        remembered=len(contents.recovered.remembered),
        ended=len(history),
    )


def _batches(folder: Folder) -> Iterator[Batch]:
    for _, _, reader in read_segments(folder, read_checkpoint(folder)):
        yield from reader.batches()


def _history(folder: Folder, sizes: dict[str, int]) -> Iterator[ReservationKey]:
    """The reservations that ended, as far as the checkpoint counts the history."""
    for name in sorted(sizes.keys() & set(folder.names())):
        for number, line in enumerate(folder.read(name)[: sizes[name]].splitlines(), 1):
            try:
                row: dict[str, Any] = msgspec.json.decode(line)["reservation"]
                yield row["chargingStationID"], row["chargingPointID"], row["reservationID"]
            except (msgspec.MsgspecError, ValueError, KeyError, TypeError) as error:
                problem = f"line {number} is not what the service wrote: {error}"
                raise DamagedStore(folder.where(name), None, problem, RESTORE) from None


def _cut_short(folder: Folder, sizes: dict[str, int]) -> Iterator[str]:
    """History that is missing: the bytes that a checkpoint counts were on disk before it."""
    for name in sorted(sizes.keys() & set(folder.names())):
        size = len(folder.read(name))
        if size < sizes[name]:
            yield (
                f"{folder.where(name)} has {size} bytes, and the checkpoint counts {sizes[name]}:"
                f" reservations that ended are missing. {RESTORE}"
            )


def _removed(folder: Folder, sizes: dict[str, int]) -> Iterator[str]:
    """History that an operator removed, as operators may."""
    for name in sorted(sizes.keys() - set(folder.names())):
        yield f"{folder.where(name)} was removed: reservations that ended in that month were not checked"
