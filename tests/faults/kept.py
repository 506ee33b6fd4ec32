"""What a network keeps, as the checker needs it: read from its data folder, or from its database."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from cloud_service.core.records import ReservationKey
from cloud_service.core.tables import Tables
from cloud_service.service.engine.outbox import messages
from cloud_service.store.checkpoint import read_checkpoint
from cloud_service.store.ended import read_ended
from cloud_service.store.frozen_folder import FrozenFolder
from cloud_service.store.recovery import read_folder, read_segments
from cloud_service.store.snapshot import take_snapshot
from cloud_service.store.verify import examine
from tests.faults.database_contents import count_owed, find_problems, read_history, read_tables
from tests.faults.drivers import name_of
from tests.faults.listener import OutgoingEvent, expected_by_files, expected_by_history
from tests.kit.processes import Stack
from tests.kit.shared_stack import SharedStack
from tests.kit.waiting import wait_until


class Kept(Struct, frozen=True):
    """What was written of a run."""

    tables: Tables
    findings: Iterable[str]
    """What is wrong with it by itself."""
    ended: Iterable[tuple[ReservationKey, str]]
    """The reservations in the history, with their last states."""
    expected: Iterable[OutgoingEvent]
    """The events that must have been received."""
    journal: list[dict[str, Any]] | None = None
    """The bodies of all events, in their order; None if some of them are not kept any more."""


def kept_by(stack: Stack) -> Kept:
    """What a network keeps, wherever that is."""
    return kept_in_database(stack.state) if isinstance(stack, SharedStack) else kept_in_folder(stack.data_dir)


def tables_of(stack: Stack) -> Tables:
    """The network itself."""
    if isinstance(stack, SharedStack):
        return read_tables(stack.state)
    return examine(take_snapshot(stack.data_dir), None, datetime.now(UTC)).tables


def kept_in_folder(data_dir: Path) -> Kept:
    folder = take_snapshot(data_dir)
    report = examine(folder, None, datetime.now(UTC))
    contents = read_folder(folder, None, datetime.now(UTC))
    return Kept(
        tables=report.tables,
        findings=map(str, report.findings),
        ended=[(row.reservation.key, str(row.reservation.state)) for row in read_ended(folder, contents)],
        expected=expected_by_files(folder),
        journal=_whole_journal(folder),
    )


def kept_in_database(address: str) -> Kept:
    """Once all events are told: some may be those of a service that has died a moment ago."""
    wait_until(lambda: not count_owed(address), "all events are told")
    history = read_history(address)
    return Kept(
        tables=read_tables(address),
        findings=find_problems(address),
        ended=[(name_of(row["reservation"]), row["reservation"]["state"]) for row in history],
        expected=expected_by_history(history),
    )


def _whole_journal(folder: FrozenFolder) -> list[dict[str, Any]] | None:
    """The events of all batches; None if a checkpoint has removed the first ones."""
    batches = [
        batch for _, _, reader in read_segments(folder, read_checkpoint(folder)) for batch in reader.batches()
    ]
    if not batches or batches[0].sequence > 1:
        return None
    return [
        msgspec.json.decode(message.payload)
        for batch in batches
        for changes in batch.changes
        for event in changes.events
        for message in messages(event)[:1]
    ]
