"""The suite must be able to fail: a fault is seeded into a piece of the product, and a proof goes red.

The faults are put in place here, by tests alone; the product has no switch for any of them.
"""

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from random import Random
from typing import Any

import pytest

from cloud_service.core import queue
from cloud_service.memory import RequestMemory
from cloud_service.service import Service
from cloud_service.store import checkpoint, file_store, files, filesystem, folding, journal, recovery
from cloud_service.store.errors import DamagedStore, SyncFailed
from cloud_service.store.file_store import FileStore
from cloud_service.store.filesystem import File, Folder
from cloud_service.store.folding import Fold
from cloud_service.store.names import SEGMENTS, numbered
from tests.faults.power_loss import SimulatedFolder
from tests.faults.test_power_loss import check_states, failing, filling, run
from tests.faults.test_redelivery import check_histories
from tests.store.test_disk_faults import FailingFrom, check_faults, operations_by_kind
from tests.store.test_journal import check_flipped_bits, check_prefixes, check_spoiled

Patch = pytest.MonkeyPatch


def power_loss() -> None:
    for seed in range(4):
        random = Random(seed)
        check_states(run(random), random, of_each=1)


def power_loss_on_a_failing_disk() -> None:
    for seed in range(12):
        random = Random(seed)
        check_states(run(random, failing(random)), random, of_each=1)


def power_loss_on_a_full_disk() -> None:
    for seed in range(3):
        random = Random(seed)
        check_states(run(random, filling(random)), random, of_each=1)


def failing_disk() -> None:
    firsts = [number for numbers in operations_by_kind(3).values() for number in numbers]
    check_faults([FailingFrom(first, lasting=1) for first in firsts])


def prefixes() -> None:
    check_prefixes()


def missing_line() -> None:
    check_spoiled("a line is missing")


def redelivery() -> None:
    check_histories(100)


def flipped_bits() -> None:
    check_flipped_bits(97)


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

    for module in (files, checkpoint, folding, recovery):
        patch.setattr(module, "replace_file", replace_file)


def requests_not_journalled(patch: Patch) -> None:
    """What was answered under which ID is remembered in memory only."""
    encode = journal.encode_line

    def forget(batch: journal.Batch) -> tuple[bytes, journal.Mark]:
        return encode(journal.Batch(batch.sequence, batch.previous, batch.at, batch.changes, (), batch.told))

    patch.setattr(file_store, "encode_line", forget)


def requests_not_remembered(patch: Patch) -> None:
    """A further delivery takes effect again."""
    patch.setattr(RequestMemory, "find", lambda memory, client, identity: None)


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

    def settle(folder: Folder, segments: list[tuple[str, journal.Scan]]) -> list[str]:
        for name, scan in segments:
            filesystem.replace_file(folder, name, [scan.data[: scan.end]])
        return []

    patch.setattr(recovery, "_settle", settle)


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

    def settle(folder: Folder, segments: list[tuple[str, journal.Scan]]) -> list[str]:
        for name, scan in segments:
            file = folder.open(name)
            file.truncate(scan.end)
            file.sync()
        return []

    patch.setattr(recovery, "_settle", settle)


def old_segments_removed_first(patch: Patch) -> None:
    """The journal goes before the checkpoint stands."""
    fold = Fold.run

    def run_late(self: Fold) -> None:
        for number, name in numbered(self._folder, SEGMENTS):
            if number < self._checkpoint.segment:
                self._folder.remove(name)
        fold(self)

    patch.setattr(Fold, "run", run_late)


def ids_not_kept(patch: Patch) -> None:
    """After a checkpoint, IDs are reckoned from what exists."""
    patch.setattr(checkpoint, "write_keeping", lambda folder, tables: None)


def not_taken_back(patch: Patch) -> None:
    """After a failed write the network in memory stays as decided."""
    patch.setattr(Service, "_take_back", lambda service, batch: None)


def no_five_minutes(patch: Patch) -> None:
    """A gap is computed without the five minutes."""
    patch.setattr(queue, "MARGIN", timedelta())


CONTROLS: list[tuple[Callable[[Patch], None], Callable[[], None]]] = [
    (reply_before_sync, power_loss),
    (no_sync_of_names, power_loss),
    (rename_before_sync, power_loss),
    (requests_not_journalled, power_loss),
    (old_segments_removed_first, power_loss),
    (ids_not_kept, power_loss),
    (sync_tried_again, power_loss_on_a_failing_disk),
    (segment_believed_at_start, power_loss_on_a_failing_disk),
    (short_write_not_cut, power_loss_on_a_full_disk),
    (not_taken_back, failing_disk),
    (requests_not_remembered, redelivery),
    (no_five_minutes, redelivery),
    (checksum_not_checked, flipped_bits),
    (chain_not_checked, missing_line),
    (torn_line_dropped, prefixes),
]


@pytest.mark.parametrize(
    ("fault", "proof"), CONTROLS, ids=[fault.__name__.replace("_", " ") for fault, _ in CONTROLS]
)
def test_a_seeded_fault_is_found(
    fault: Callable[[Patch], None], proof: Callable[[], None], monkeypatch: Patch
) -> None:
    fault(monkeypatch)
    with pytest.raises((AssertionError, DamagedStore, SyncFailed, pytest.fail.Exception)):
        proof()


@pytest.mark.parametrize("proof", list(dict.fromkeys(proof for _, proof in CONTROLS)))
def test_without_it_the_same_proof_holds(proof: Callable[[], None]) -> None:
    proof()


def test_the_list(figure: Callable[[str], None]) -> None:
    assert len(CONTROLS) >= 10
    figure(f"negative controls: {len(CONTROLS)} seeded faults, each found")
