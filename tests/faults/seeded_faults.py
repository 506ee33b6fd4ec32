"""Faults that tests seed into pieces of the product; it has no switch for any of them itself."""

from contextlib import suppress
from datetime import timedelta
from math import inf
from typing import Any

import pytest
from msgspec.structs import replace

from cloud_service.core import queue
from cloud_service.core.network import Tables
from cloud_service.service.engine.deduplication import Deduplication
from cloud_service.service.engine.engine import Engine
from cloud_service.store import checkpoint, file_store, filesystem, journal, recovery
from cloud_service.store import checkpointing as checkpointing
from cloud_service.store import json_files as files
from cloud_service.store.checkpointing import CheckpointWriter
from cloud_service.store.file_store import FileStore
from cloud_service.store.filesystem import File, Folder
from cloud_service.store.names import SEGMENTS, numbered
from tests.faults.power_loss import SimulatedFolder

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

    def replace_file(folder: Folder, name: str, chunks: Any) -> None:
        file = folder.open(name + ".new")
        file.truncate(0)
        filesystem.write_all(file, b"".join(chunks))
        folder.rename(name + ".new", name)
        folder.sync()

    for module in (files, checkpoint, checkpointing, recovery):
        patch.setattr(module, "replace_file", replace_file)


def requests_not_journalled(patch: Patch) -> None:
    """What was answered under which ID is remembered in memory only."""
    encode = journal.encode_line

    def forget(batch: journal.Batch) -> tuple[bytes, journal.Mark]:
        return encode(
            journal.Batch(batch.sequence, batch.previous, batch.at, batch.changes, (), batch.delivered)
        )

    patch.setattr(file_store, "encode_line", forget)


def requests_not_remembered(patch: Patch) -> None:
    """A further delivery takes effect again."""
    patch.setattr(Deduplication, "find", lambda memory, client, identity: None)


def checksum_not_checked(patch: Patch) -> None:
    """A line counts as whole when it is JSON."""

    def decode(line: bytes) -> tuple[journal.Batch, journal.Mark] | None:
        try:
            batch = journal._decode(line)
        except Exception:
            return None
        return batch, journal.Mark(batch.sequence, line[13:21].decode(errors="replace"))

    patch.setattr(journal, "decode_line", decode)


def chain_not_checked(patch: Patch) -> None:
    """Lines may be missing."""

    def batches(scan: journal.Scan) -> Any:
        for line in scan.data[scan.end :].splitlines(keepends=True):
            decoded = journal.decode_line(line)
            if decoded is not None:
                yield decoded[0]
                scan.mark, scan.end = decoded[1], scan.end + len(line)

    patch.setattr(journal.Scan, "batches", batches)


def torn_line_dropped(patch: Patch) -> None:
    """What is torn is cut without being set aside."""

    def acknowledge(folder: Folder, segments: list[tuple[str, journal.Scan]]) -> list[str]:
        for name, scan in segments:
            filesystem.replace_file(folder, name, [scan.data[: scan.end]])
        return []

    patch.setattr(recovery, "_settle", acknowledge)


def short_write_not_cut(patch: Patch) -> None:
    """A part of a line stays where the next one is appended."""
    patch.setattr(FileStore, "_cut", lambda store, segment, size, cause: None)


def sync_tried_again(patch: Patch) -> None:
    """After a failed sync, another one is believed."""
    append = FileStore.append

    class Forgiving:
        def __init__(self, file: File) -> None:
            self._file = file

        def __getattr__(self, name: str) -> Any:
            return getattr(self._file, name)

        def sync(self) -> None:
            with suppress(OSError):
                self._file.sync()
                return
            self._file.sync()

    def forgiving(store: FileStore, *arguments: Any) -> int:
        if store._segment is not None and not isinstance(store._segment, Forgiving):
            store._segment = Forgiving(store._segment)
        return append(store, *arguments)

    patch.setattr(FileStore, "append", forgiving)


def segment_believed_at_start(patch: Patch) -> None:
    """The last lines are not written anew when the folder is read."""

    def acknowledge(folder: Folder, segments: list[tuple[str, journal.Scan]]) -> list[str]:
        for name, scan in segments:
            file = folder.open(name)
            file.truncate(scan.end)
            file.sync()
        return []

    patch.setattr(recovery, "_settle", acknowledge)


def old_segments_removed_first(patch: Patch) -> None:
    """The journal goes before the checkpoint stands."""
    fold = CheckpointWriter.run

    def run_late(self: CheckpointWriter) -> None:
        for number, name in numbered(self._folder, SEGMENTS):
            if number < self._checkpoint.segment:
                self._folder.remove(name)
        fold(self)

    patch.setattr(CheckpointWriter, "run", run_late)


def ids_not_kept(patch: Patch) -> None:
    """After a checkpoint, IDs are reckoned from what exists."""
    write = checkpoint.write_keeping

    def forget(folder: Folder, tables: Tables) -> None:
        stations = {key: replace(row, last_point_id=0) for key, row in tables.stations.items()}
        points = {key: replace(row, last_reservation_id=0) for key, row in tables.points.items()}
        write(folder, Tables(stations, points, tables.reservations))

    patch.setattr(checkpoint, "write_keeping", forget)


def history_not_synced(patch: Patch) -> None:
    """The journal goes before the history is on disk."""
    sync = SimulatedFolder.sync_content

    def skip(folder: SimulatedFolder, name: str, file: int) -> None:
        if not name.startswith("history"):
            sync(folder, name, file)

    patch.setattr(SimulatedFolder, "sync_content", skip)


def answered_though_not_written(patch: Patch) -> None:
    """After a failed write a change is decided once more, and answered as if it had been made."""
    decide = Engine._decide

    def ignoring(service: Engine, requests: Any, now: Any, most: float = inf, may_change: bool = True) -> Any:
        return decide(service, requests, now, most)

    patch.setattr(Engine, "_decide", ignoring)


def answered_before_written(patch: Patch) -> None:
    """A line of the journal waits in memory until the next one comes."""
    write_all = file_store.write_all
    waiting: dict[int, bytes] = {}

    def late(file: File, data: bytes) -> None:
        write_all(file, waiting.pop(id(file), b""))
        waiting[id(file)] = data

    patch.setattr(file_store, "write_all", late)


def not_taken_back(patch: Patch) -> None:
    """After a failed write the network in memory stays as decided."""
    patch.setattr(Engine, "_take_back", lambda service, batch: None)


def no_five_minutes(patch: Patch) -> None:
    """A gap is computed without the five minutes."""
    patch.setattr(queue, "MARGIN", timedelta())
