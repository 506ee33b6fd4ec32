"""A folder in memory that fails on demand, and that knows what a power loss may leave of it.

Everything done to it is recorded in `log`, in order. `Image` does the same to a model of a disk:
`Image.survivors` is one of the states in which the files may be found when the power comes back. Whatever no
sync confirmed may be there or gone: content by sectors, out of order and torn, names one by one.
"""

from collections.abc import Callable, Iterable, Mapping
from random import Random
from threading import Lock
from typing import Any, Literal, TypeAlias

from msgspec import Struct

from cloud_service.store.filesystem import File

Fate: TypeAlias = Literal["open", "doubtful", "kept"]
"""Whether an operation may be lost, may be lost for good because a sync of it failed, or is on disk."""


class Write(Struct, frozen=True):
    file: int
    offset: int
    data: bytes


class Cut(Struct, frozen=True):
    file: int
    size: int


class Link(Struct, frozen=True):
    """A name for a new file."""

    name: str
    file: int


class Rename(Struct, frozen=True):
    old: str
    new: str
    file: int


class Remove(Struct, frozen=True):
    name: str


class Sync(Struct, frozen=True):
    """Of a file's content; of the names if `file` is None."""

    file: int | None
    failed: bool = False


class Note(Struct, frozen=True):
    """What a test wants to know at this place of the log."""

    what: Any


Operation: TypeAlias = Write | Cut | Link | Rename | Remove | Sync | Note


class _Pending:
    """Operations on one thing, and what became of each."""

    def __init__(self) -> None:
        self.rows: list[tuple[Any, Fate]] = []

    def add(self, operation: Any) -> None:
        self.rows.append((operation, "open"))

    def sync(self, failed: bool) -> list[Any]:
        """Returns the operations before the first that may still be lost; they are kept here no longer."""
        fate: Fate = "doubtful" if failed else "kept"
        self.rows = [(operation, fate if was == "open" else was) for operation, was in self.rows]
        settled = 0
        while settled < len(self.rows) and self.rows[settled][1] == "kept":
            settled += 1
        done, self.rows = self.rows[:settled], self.rows[settled:]
        return [operation for operation, _ in done]

    def survivors(self, random: Random | bool, pieces: Callable[[Any], list[Any]]) -> list[Any]:
        """What is found of the operations. True and False stand for all and for none of what may be lost."""
        style = "all" if random is True else "none" if random is False else random.choice(_STYLES)
        last = random.randrange(len(self.rows) + 1) if isinstance(random, Random) else 0
        found = []
        for number, (operation, fate) in enumerate(self.rows):
            if fate == "kept" or style == "all" or (style == "prefix" and number < last):
                found.append(operation)
            elif style == "any" or (style == "prefix" and number == last):
                assert isinstance(random, Random)
                found += [piece for piece in pieces(operation) if random.random() < 0.5]
        return found


_STYLES = ("all", "none", "prefix", "any", "any")


class Image:
    """A disk's state as a log of operations makes it: what is on disk for certain, and what may be."""

    def __init__(self, files: Mapping[str, bytes] | None = None) -> None:
        self._names: dict[str, int] = {}
        self._contents: dict[int, bytearray] = {}
        self._pending_names = _Pending()
        self._pending: dict[int, _Pending] = {}
        for number, (name, data) in enumerate((files or {}).items()):
            self._names[name], self._contents[number] = number, bytearray(data)

    def apply(self, operation: Operation) -> None:
        match operation:
            case Write() | Cut():
                self._pending.setdefault(operation.file, _Pending()).add(operation)
            case Link() | Rename() | Remove():
                self._pending_names.add(operation)
            case Sync(None, failed):
                for done in self._pending_names.sync(failed):
                    _apply_name(self._names, done)
            case Sync(int() as file, failed):
                content = self._contents.setdefault(file, bytearray())
                for done in self._pending.setdefault(file, _Pending()).sync(failed):
                    _apply_content(content, done)
            case Note():
                pass

    def survivors(self, random: Random | bool) -> dict[str, bytes]:
        """The files after a power loss at this moment."""
        names = dict(self._names)
        for operation in self._pending_names.survivors(random, lambda whole: [whole]):
            _apply_name(names, operation)
        files = {}
        for name, file in names.items():
            content = bytearray(self._contents.get(file, b""))
            if file in self._pending:
                sector = random.choice((16, 512)) if isinstance(random, Random) else 512

                def pieces(whole: Any, sector: int = sector) -> list[Any]:
                    return _sectors(whole, sector)

                for operation in self._pending[file].survivors(random, pieces):
                    _apply_content(content, operation)
            files[name] = bytes(content)
        return files


def _sectors(operation: Write | Cut, sector: int) -> list[Write | Cut]:
    if isinstance(operation, Cut):
        return [operation]
    return [
        Write(operation.file, operation.offset + at, operation.data[at : at + sector])
        for at in range(0, len(operation.data), sector)
    ]


def _apply_content(content: bytearray, operation: Write | Cut) -> None:
    if isinstance(operation, Cut):
        del content[operation.size :]
    else:
        content.extend(bytes(max(0, operation.offset - len(content))))
        content[operation.offset : operation.offset + len(operation.data)] = operation.data


def _apply_name(names: dict[str, int], operation: Link | Rename | Remove) -> None:
    match operation:
        case Link(name, file):
            names[name] = file
        case Rename(old, new, file):
            names.pop(old, None)
            names[new] = file
        case Remove(name):
            names.pop(name, None)


Trouble: TypeAlias = Callable[[str, str], OSError | int | None]
"""Given an operation and a file's name: an error to raise, how many bytes an append takes, or None."""


def no_trouble(operation: str, name: str) -> None:
    return None


class SimulatedFolder:
    """A Folder in memory. `trouble` is asked before each operation that changes something, and each read."""

    def __init__(self, files: Mapping[str, bytes] | None = None, trouble: Trouble = no_trouble) -> None:
        self.log: list[Operation] = []
        self.trouble = trouble
        self._start = dict(files or {})
        self._names: dict[str, int] = {}
        self._contents: dict[int, bytearray] = {}
        self._lock = Lock()
        for number, (name, data) in enumerate(self._start.items()):
            self._names[name], self._contents[number] = number, bytearray(data)

    def image(self) -> Image:
        """The disk before the first operation of the log."""
        return Image(self._start)

    def note(self, what: Any) -> None:
        with self._lock:
            self.log.append(Note(what))

    def files(self) -> dict[str, bytes]:
        """The files as a process sees them."""
        return {name: bytes(self._contents[file]) for name, file in self._names.items()}

    def names(self) -> list[str]:
        return list(self._names)

    def read(self, name: str) -> bytes:
        self.ask("read", name)
        try:
            return bytes(self._contents[self._names[name]])
        except KeyError:
            raise FileNotFoundError(2, "No such file", name) from None

    def size(self, name: str) -> int:
        return len(self.read(name))

    def open(self, name: str) -> File:
        with self._lock:
            if name not in self._names:
                self.ask("create", name)
                file = len(self._contents)
                self._names[name], self._contents[file] = file, bytearray()
                self.log.append(Link(name, file))
            return _SimulatedFile(self, name, self._names[name])

    def rename(self, old: str, new: str) -> None:
        with self._lock:
            self.ask("rename", old)
            self._names[new] = self._names.pop(old)
            self.log.append(Rename(old, new, self._names[new]))

    def remove(self, name: str) -> None:
        with self._lock:
            if name in self._names:
                self.ask("remove", name)
                del self._names[name]
                self.log.append(Remove(name))

    def sync(self) -> None:
        with self._lock:
            self._sync(None, "sync names", "")

    def where(self, name: str) -> str:
        return f"folder/{name}"

    def ask(self, operation: str, name: str) -> int | None:
        """How much an append may take; raises the error that is due."""
        answer = self.trouble(operation, name)
        if isinstance(answer, OSError):
            raise answer
        return answer

    def _sync(self, file: int | None, operation: str, name: str) -> None:
        try:
            self.ask(operation, name)
        except OSError:
            self.log.append(Sync(file, failed=True))
            raise
        self.log.append(Sync(file))

    def append_to(self, name: str, file: int, data: bytes) -> int:
        with self._lock:
            most = self.ask("append", name)
            taken = data if most is None else data[:most]
            content = self._contents[file]
            self.log.append(Write(file, len(content), taken))
            content += taken
            return len(taken)

    def truncate_to(self, name: str, file: int, size: int) -> None:
        with self._lock:
            self.ask("truncate", name)
            self.log.append(Cut(file, size))
            del self._contents[file][size:]

    def sync_content(self, name: str, file: int) -> None:
        with self._lock:
            self._sync(file, "sync", name)

    def size_of(self, file: int) -> int:
        return len(self._contents[file])


class _SimulatedFile:
    def __init__(self, folder: SimulatedFolder, name: str, file: int) -> None:
        self._folder = folder
        self._name = name
        self._file = file
        self.size = folder.size_of(file)

    def append(self, data: bytes) -> int:
        taken = self._folder.append_to(self._name, self._file, data)
        self.size += taken
        return taken

    def truncate(self, size: int) -> None:
        self._folder.truncate_to(self._name, self._file, size)
        self.size = size

    def sync(self) -> None:
        self._folder.sync_content(self._name, self._file)

    def close(self) -> None:
        pass


def states(folder: SimulatedFolder, random: Random, of_each: int) -> Iterable[tuple[int, dict[str, bytes]]]:
    """What a power loss at each place of the log may leave: nothing unsynced, all of it, and random parts.

    Gives (operations done, files).
    """
    image = folder.image()
    for done in range(len(folder.log) + 1):
        if done:
            image.apply(folder.log[done - 1])
        yield done, image.survivors(False)
        yield done, image.survivors(True)
        for _ in range(of_each):
            yield done, image.survivors(random)
