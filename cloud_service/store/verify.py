"""Checks a data folder from its files: whether it can be read, and whether what it holds fits together."""

from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo

from msgspec import Struct, field

from cloud_service.core.records import ReservationKey
from cloud_service.core.tables import Tables
from cloud_service.language.text import Text
from cloud_service.store.checkpoint import OPERATED_SINCE, read_checkpoint
from cloud_service.store.ended import read_history
from cloud_service.store.errors import DamagedStore
from cloud_service.store.frozen_folder import FrozenFolder
from cloud_service.store.journal import Batch
from cloud_service.store.recovery import describe_removed, describe_torn, read_folder, read_segments
from cloud_service.store.required_files import removed_histories
from cloud_service.store.set_aside import SetAside, read_set_aside
from cloud_service.store.verify_ids import find_reused_ids
from cloud_service.store.verify_states import find_wrong_states, wrong_state
from cloud_service.store.verify_times import find_close_reservations, find_overlaps


class Report(Struct):
    """What was found. The folder is sound if there are no findings; notes are for information."""

    findings: list[Text] = field(default_factory=list)
    notes: list[Text] = field(default_factory=list)
    tables: Tables = field(default_factory=Tables)
    sequence: int = 0
    """The number of the last batch."""
    lines: int = 0
    """Batches in the journal: those since the last checkpoint."""
    remembered: int = 0
    """Request records."""
    ended: int = 0
    """Reservations in the history."""
    set_aside: list[SetAside] = field(default_factory=list)
    """What earlier starts set aside: it is not in the network, and somebody may miss it."""
    readable: bool = True
    """False if the service would refuse to start on the folder. Nothing was counted then."""


def unreadable(damage: DamagedStore) -> Report:
    """The report on a folder that the service would refuse to start on."""
    return Report(findings=[damage.text], readable=False)


def examine(folder: FrozenFolder, zone: tzinfo | None, now: datetime) -> Report:
    """Reads a folder as the service would, without changing it, and reports what is wrong in it.

    Dates without an offset are in `zone`; None means the machine's.
    """
    try:
        batches = list(_batches(folder))
        # A reservation counts as scheduled if it was when the last batch was written.
        last_moment = batches[-1].at if batches else read_checkpoint(folder).at or now
        contents = read_folder(folder, zone, last_moment)
        history, wrong_states = _check_history(folder, contents.checkpoint.sizes)
        set_aside = read_set_aside(folder)
    except DamagedStore as damage:
        return unreadable(damage)
    tables = contents.recovered.tables
    scheduled = tables.reservations.values()
    return Report(
        findings=[
            *(describe_row(row) for row in contents.set_aside if not row.used),
            *contents.corrections,
            *find_reused_ids(tables, batches, history),
            *find_overlaps(batches, scheduled),
            *wrong_states,
            *(find_wrong_states(batches) if contents.checkpoint.format >= OPERATED_SINCE else ()),
        ],
        notes=[
            *(describe_row(row) for row in contents.set_aside if row.used),
            *find_close_reservations(row for row in scheduled if row.finish > last_moment),
            *(
                Text("{torn}; the next start sets it aside", torn=describe_torn(reader))
                for _, reader in contents.segments
                if reader.torn
            ),
            *(describe_removed(folder, name) for name in removed_histories(folder, contents.checkpoint)),
        ],
        tables=tables,
        sequence=contents.position.sequence,
        lines=len(batches),
        remembered=len(contents.recovered.remembered),
        ended=len(history),
        set_aside=set_aside,
    )


def describe_row(row: SetAside) -> Text:
    """A record that was or will be set aside, for people."""
    return Text("{file}: {reason}: {record}", file=row.file, reason=Text(row.reason), record=row.record)


def _check_history(folder: FrozenFolder, sizes: Mapping[str, int]) -> tuple[list[ReservationKey], list[Text]]:
    """The reservations in the history, and what is wrong with their states."""
    keys, problems = [], []
    for row in read_history(folder, sizes):
        keys.append(row.reservation.key)
        problem = wrong_state(row.reservation.key, row.type, row.reservation.state)
        if problem is not None:
            problems.append(problem)
    return keys, problems


def _batches(folder: FrozenFolder) -> Iterator[Batch]:
    for _, _, reader in read_segments(folder, read_checkpoint(folder)):
        yield from reader.batches()
