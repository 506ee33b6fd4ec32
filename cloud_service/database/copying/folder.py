"""The network in a data folder, read as a whole and written as a whole."""

from collections.abc import Iterable, Iterator
from datetime import datetime, tzinfo
from itertools import groupby

from msgspec import Struct

from cloud_service.database.copying.contents import Contents, Line, latest_of_each
from cloud_service.language.text import TextError
from cloud_service.store.checkpoint import Checkpoint
from cloud_service.store.checkpoint_writer import CheckpointWriter, JournalTail
from cloud_service.store.ended import history_lines
from cloud_service.store.filesystem import Folder, replace_file
from cloud_service.store.frozen_folder import FrozenFolder
from cloud_service.store.history import history_line
from cloud_service.store.interface import StoredRequest
from cloud_service.store.names import CLOCK, HALF_COPIED, is_own
from cloud_service.store.network_clock import NetworkClock, write_clock
from cloud_service.store.recovery import FolderContents, read_folder


class NotCopied(TextError):
    """Nothing was copied. The text says why, and what to do."""


class ReadFolder(Struct, frozen=True):
    """A folder that was read, apart from its history."""

    contents: Contents
    folder: FrozenFolder
    read: FolderContents

    def lines(self) -> Iterator[Line]:
        """The history. Raises DamagedStore."""
        for text, ended in history_lines(self.folder, self.read.checkpoint.sizes):
            yield Line(ended.at, ended.reservation.key, text)
        for sequence, event in self.read.tail.endings:
            yield Line(event.at, event.reservation.key, history_line(sequence, event))

    def count_lines(self) -> int:
        """How many lines the history has."""
        sizes = self.read.checkpoint.sizes
        names = sizes.keys() & set(self.folder.names())
        written = sum(sum(1 for _ in self.folder.lines(name, sizes[name])) for name in names)
        return written + len(self.read.tail.endings)


def read_whole_folder(
    folder: FrozenFolder, clock: NetworkClock | None, zone: tzinfo | None, now: datetime
) -> ReadFolder:
    """Reads a network, without changing anything. `clock` is that of its folder.

    Raises DamagedStore, and NotCopied if the folder holds records that do not fit together."""
    read = read_folder(folder, zone, now)
    problems = [*(f"{row.file}: {row.reason}" for row in read.set_aside if not row.used), *read.corrections]
    if problems:
        raise NotCopied(
            "{problem}: start the service on the folder and stop it again, which puts this right",
            problem=problems[0],
        )
    recovered = read.recovered
    contents = Contents(
        recovered.tables,
        latest_of_each((each.at, each.request) for each in recovered.remembered),
        [event for _, event in recovered.pending_events],
        clock,
    )
    return ReadFolder(contents, folder, read)


def begin_copy(folder: Folder) -> bool:
    """Marks the folder as incomplete, and removes what an earlier copy has left. Returns whether there was
    one. Raises NotCopied if the folder holds a network, and OSError.
    """
    names = [name for name in folder.names() if is_own(name) or name == CLOCK]
    is_repeated = HALF_COPIED in names
    if names and not is_repeated:
        raise NotCopied(
            "{folder} holds a network: {file}; name a folder that holds none",
            folder=folder.where("."),
            file=names[0],
        )
    replace_file(folder, HALF_COPIED, [])
    for name in names:
        if name != HALF_COPIED:
            folder.remove(name)
    folder.sync()
    return is_repeated


def end_copy(folder: Folder) -> None:
    """Notes that all files are there. Raises OSError."""
    folder.remove(HALF_COPIED)
    folder.sync()


def write_whole_folder(folder: Folder, contents: Contents, lines: Iterable[Line], now: datetime) -> None:
    """Writes all files of a network as a service leaves them when it stops. The lines are ordered by time.

    Raises OSError.
    """
    sizes = _write_history(folder, lines)
    requests = list(_numbered(contents))
    answered = requests[-1].sequence if requests else 0
    pending = tuple(enumerate(contents.events, answered + 1))
    checkpoint = Checkpoint(
        sequence=answered + len(pending), delivered=answered, pending_events=pending, sizes=sizes, at=now
    )
    oldest = requests[0].sequence if requests else checkpoint.sequence + 1
    CheckpointWriter(folder, contents.tables, checkpoint, JournalTail(requests=requests), oldest).write()
    if contents.clock is not None:
        write_clock(folder, contents.clock)


def _write_history(folder: Folder, lines: Iterable[Line]) -> dict[str, int]:
    by_month = groupby(lines, key=lambda line: f"history-{line.at:%Y-%m}.jsonl")
    return {name: replace_file(folder, name, (line.text + b"\n" for line in own)) for name, own in by_month}


def _numbered(contents: Contents) -> Iterator[StoredRequest]:
    """Numbers the batches: requests of the same moment belong to one batch."""
    for number, (at, own) in enumerate(groupby(contents.requests, key=lambda each: each[0]), 1):
        for _, record in own:
            yield StoredRequest(number, at, record)
