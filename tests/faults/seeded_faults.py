"""Faults that tests seed into pieces of the product; the product itself has no switch for them."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from cloud_service.core import consequences, due, moving, network, queue
from cloud_service.core.changes import Changes, Event
from cloud_service.core.objectives import Slot
from cloud_service.core.rules import Rules
from cloud_service.core.tables import Tables
from cloud_service.service.engine.batch import Batch
from cloud_service.service.engine.decider import Decider
from cloud_service.service.engine.deduplication import Deduplication
from cloud_service.service.engine.outbox import Outbox
from cloud_service.store import (
    checkpoint_writer,
    filesystem,
    journal,
    journal_writer,
    owners_and_ids,
    recovery,
)
from cloud_service.store.errors import StoreError
from cloud_service.store.file_store import FileStore
from cloud_service.store.filesystem import TEMPORARY, File, Folder
from cloud_service.store.json_files import ChargingStationsFile
from cloud_service.store.names import SEGMENTS, numbered
from tests.kit.simulated_disk import SimulatedFolder

Patch = pytest.MonkeyPatch


def reply_before_sync(patch: Patch) -> None:
    """The journal is not synced before the answer."""
    sync = SimulatedFolder.sync_content

    def skip(folder: SimulatedFolder, name: str, file: int) -> None:
        if not SEGMENTS.fullmatch(name):
            sync(folder, name, file)

    patch.setattr(SimulatedFolder, "sync_content", skip)


def no_sync_of_names(patch: Patch) -> None:
    """The directory is never synced."""
    patch.setattr(SimulatedFolder, "sync", lambda folder: None)


def rename_before_sync(patch: Patch) -> None:
    """A file takes another's place before its content is on disk."""
    sync = SimulatedFolder.sync_content

    def skip(folder: SimulatedFolder, name: str, file: int) -> None:
        if not name.endswith(TEMPORARY):
            sync(folder, name, file)

    patch.setattr(SimulatedFolder, "sync_content", skip)


def requests_not_journalled(patch: Patch) -> None:
    """What was answered under which ID is remembered in memory only."""
    encode = journal.encode_line

    def forget(batch: journal.Batch) -> tuple[bytes, journal.JournalPosition]:
        return encode(
            journal.Batch(batch.sequence, batch.previous, batch.at, batch.changes, (), batch.delivered)
        )

    patch.setattr(journal_writer, "encode_line", forget)


def requests_not_remembered(patch: Patch) -> None:
    """A further delivery takes effect again."""
    patch.setattr(Deduplication, "find", lambda memory, client, identity: None)


def checksum_not_checked(patch: Patch) -> None:
    """A line counts as whole when it is JSON."""

    def decode(line: bytes) -> tuple[journal.Batch, journal.JournalPosition] | None:
        try:
            batch = msgspec.json.decode(line, type=journal.Batch)
        except Exception:
            return None
        return batch, journal.JournalPosition(batch.sequence, line[13:21].decode(errors="replace"))

    patch.setattr(journal, "decode_line", decode)


def chain_not_checked(patch: Patch) -> None:
    """Lines may be missing."""

    def batches(reader: journal.SegmentReader) -> Any:
        for line in reader.data[reader.end :].splitlines(keepends=True):
            decoded = journal.decode_line(line)
            if decoded is not None:
                yield decoded[0]
                reader.position, reader.end = decoded[1], reader.end + len(line)

    patch.setattr(journal.SegmentReader, "batches", batches)


def torn_line_dropped(patch: Patch) -> None:
    """What is torn is cut without being set aside."""

    def acknowledge(folder: Folder, segments: list[tuple[str, journal.SegmentReader]]) -> list[str]:
        for name, reader in segments:
            filesystem.replace_file(folder, name, [reader.data[: reader.end]])
        return []

    patch.setattr(recovery, "secure_journal", acknowledge)


def short_write_not_cut(patch: Patch) -> None:
    """A part of a line stays where the next one is appended."""
    truncate = SimulatedFolder.truncate_to

    def skip(folder: SimulatedFolder, name: str, file: int, size: int) -> None:
        if not SEGMENTS.fullmatch(name):
            truncate(folder, name, file, size)

    patch.setattr(SimulatedFolder, "truncate_to", skip)


class _Forgiving:
    """A file that tries a failed sync once more."""

    def __init__(self, file: File) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def sync(self) -> None:
        with suppress(OSError):
            self._file.sync()
            return
        self._file.sync()


def sync_tried_again(patch: Patch) -> None:
    """After a failed sync, a later one is trusted."""
    open_file = SimulatedFolder.open

    def forgiving(folder: SimulatedFolder, name: str) -> Any:
        file = open_file(folder, name)
        return _Forgiving(file) if SEGMENTS.fullmatch(name) else file

    patch.setattr(SimulatedFolder, "open", forgiving)


def segment_trusted_at_start(patch: Patch) -> None:
    """The last lines are not rewritten when the folder is read."""

    def acknowledge(folder: Folder, segments: list[tuple[str, journal.SegmentReader]]) -> list[str]:
        for name, reader in segments:
            file = folder.open(name)
            file.truncate(reader.end)
            file.sync()
        return []

    patch.setattr(recovery, "secure_journal", acknowledge)


def old_segments_removed_first(patch: Patch) -> None:
    """A checkpoint begins with removing the segments that it is going to include."""
    open_file = SimulatedFolder.open

    def remove_first(folder: SimulatedFolder, name: str) -> File:
        if name == ChargingStationsFile.name + TEMPORARY:
            for _, segment in numbered(folder.names(), SEGMENTS)[:-1]:
                folder.remove(segment)
        return open_file(folder, name)

    patch.setattr(SimulatedFolder, "open", remove_first)


def ids_not_kept(patch: Patch) -> None:
    """After a checkpoint, IDs are computed from the records that exist."""
    write = owners_and_ids.write_owners_and_ids

    def forget(folder: Folder, tables: Tables) -> None:
        stations = {key: replace(row, last_point_id=0) for key, row in tables.stations.items()}
        points = {key: replace(row, last_reservation_id=0) for key, row in tables.points.items()}
        write(folder, Tables(stations, points, tables.reservations))

    patch.setattr(checkpoint_writer, "write_owners_and_ids", forget)


def history_not_synced(patch: Patch) -> None:
    """The journal goes before the history is on disk."""
    sync = SimulatedFolder.sync_content

    def skip(folder: SimulatedFolder, name: str, file: int) -> None:
        if not name.startswith("history"):
            sync(folder, name, file)

    patch.setattr(SimulatedFolder, "sync_content", skip)


def answered_though_not_written(patch: Patch) -> None:
    """After a failed write a change is decided once more, and answered as if it had been made."""
    decide = Decider.decide

    def ignoring(decider: Decider, incoming: Any, batch: Any, now: Any, may_change: bool) -> Any:
        return decide(decider, incoming, batch, now, may_change=True)

    patch.setattr(Decider, "decide", ignoring)


def answered_before_written(patch: Patch) -> None:
    """A line of the journal waits in memory until the next one comes."""
    write_all = filesystem.write_all
    waiting: dict[int, bytes] = {}

    def late(file: File, data: bytes) -> None:
        write_all(file, waiting.pop(id(file), b""))
        waiting[id(file)] = data

    patch.setattr(journal_writer, "write_all", late)


def not_undone(patch: Patch) -> None:
    """After a failed write the network in memory stays as decided."""
    patch.setattr(Batch, "undo", lambda batch: None)


def no_five_minutes(patch: Patch) -> None:
    """A gap is computed without the five minutes."""
    patch.setattr(queue, "MARGIN", timedelta())


def no_show_a_second_early(patch: Patch) -> None:
    """A reservation is given up before its time has come."""
    next_due = due.next_due

    def early(condition: due.PointCondition, rules: Rules) -> Any:
        return next_due(condition, replace(rules, no_show=rules.no_show - timedelta(seconds=1)))

    for module in (consequences, network):
        patch.setattr(module, "next_due", early)


def no_five_minutes_for_moves(patch: Patch) -> None:
    """What has to move goes where a gap is long enough only without the five minutes."""
    slot_instead = moving.slot_instead

    def close(*arguments: Any, **named: Any) -> Any:
        with pytest.MonkeyPatch.context() as meanwhile:
            no_five_minutes(meanwhile)
            return slot_instead(*arguments, **named)

    patch.setattr(consequences, "slot_instead", close)


def two_into_one_gap(patch: Patch) -> None:
    """A gap that has been given to one flexible reservation is given to the next one, too."""
    earlier_slot = moving.earlier_slot
    given: dict[Any, Slot] = {}

    def again(view: Any, reservation: Any, station: Any, point: Any, rules: Rules, now: Any) -> Slot | None:
        slot = earlier_slot(view, reservation, station, point, rules, now)
        if slot is not None:
            first = given.setdefault((id(view), point.key, now), slot)
            slot = replace(slot, start=first.start)
        return slot

    patch.setattr(consequences, "earlier_slot", again)


def event_before_sync(patch: Patch) -> None:
    """What a batch tells is told although its write fails."""
    append, make = FileStore.append, Outbox.__init__
    outboxes: list[Outbox] = []

    def remember(outbox: Outbox, delivered: int = 0) -> None:
        make(outbox, delivered)
        outboxes.append(outbox)

    def tell_first(store: FileStore, changes: Sequence[Changes], *others: Any) -> int:
        try:
            return append(store, changes, *others)
        except StoreError:
            outboxes[-1].add(store.sequence + 1, (event for each in changes for event in each.events))
            raise

    patch.setattr(Outbox, "__init__", remember)
    patch.setattr(FileStore, "append", tell_first)


def events_in_another_order(patch: Patch) -> None:
    """The events of a batch are told the last one first."""
    add = Outbox.add

    def reverse(outbox: Outbox, sequence: int, events: Iterable[Event]) -> None:
        add(outbox, sequence, reversed(list(events)))

    patch.setattr(Outbox, "add", reverse)
