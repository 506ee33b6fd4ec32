"""Writes lines to a stream that somebody may have stopped reading: a paused pager, a terminal after Ctrl-S.

Nobody who has a line waits for the reader. Lines for which there is no room are dropped, and counted.
"""

import os
import select
import threading
from collections import deque
from collections.abc import Callable, Iterable
from typing import Final, Protocol, TextIO

MOST_WAITING_BYTES: Final = 2**18
"""How much may wait for the reader before lines are dropped."""
_PIECE_BYTES: Final = 4096
"""Written at a time. Several processes write to one pipe, where no more than this stays together."""
GATHER_SECONDS: Final = 0.05
"""For how long lines gather after a write: waking a thread for each would cost more than the line itself."""
_PLENTY_BYTES: Final = MOST_WAITING_BYTES // 4
"""When this much has gathered, it is written at once."""


class Lines(Protocol):
    """Where lines go."""

    def write(self, line: str) -> None:
        """Takes a line, which may have several lines within, without its end."""

    def write_all(self, lines: Iterable[str]) -> None:
        """Takes several lines, one after the other."""

    def flush(self, seconds: float) -> None:
        """Waits until everything is written, for at most so long."""


def lines_to(stream: TextIO | None, dropped: Callable[[int], str]) -> Lines:
    """Returns the lines of a stream. A process that was started with the stream closed has None.

    `dropped` makes the line that says how many lines were dropped.
    """
    if stream is None:
        return _NoLines()
    try:
        descriptor = stream.fileno()
    except (OSError, ValueError):
        return _PlainLines(stream)
    stream.flush()
    return LineWriter(descriptor, dropped, stream.encoding)


class LineWriter:
    """Lines that a thread writes to a descriptor. They are lost once the reader has gone."""

    def __init__(
        self,
        descriptor: int,
        dropped: Callable[[int], str],
        encoding: str = "utf-8",
        *,
        gather_seconds: float = GATHER_SECONDS,
    ) -> None:
        self._gather_seconds = gather_seconds
        self._descriptor = descriptor
        self._describe = dropped
        self._encoding = encoding
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._dropped = 0
        self._writing = False
        self._sleeping = False
        """Whether the thread waits for the first line."""
        self._hurried = False
        """Whether what gathers is to be written at once."""
        self._changed = threading.Condition()
        threading.Thread(target=self._run, name="lines", daemon=True).start()

    def write(self, line: str) -> None:
        """Never blocks."""
        self.write_all((line,))

    def write_all(self, lines: Iterable[str]) -> None:
        """Never blocks."""
        encoded = [self._encode(line) for line in lines]
        with self._changed:
            for data in encoded:
                if self._dropped or self._waiting_bytes + len(data) > MOST_WAITING_BYTES:
                    # What waits is written first, and then the number, so that it stands in its place.
                    self._dropped += 1
                else:
                    self._waiting.append(data)
                    self._waiting_bytes += len(data)
            if self._sleeping:
                self._sleeping = False
                self._changed.notify_all()
            elif self._waiting_bytes >= _PLENTY_BYTES:
                self._hurry()

    def flush(self, seconds: float) -> None:
        with self._changed:
            if self._busy:
                self._hurry()
                self._changed.wait_for(lambda: not self._busy, seconds)

    @property
    def _busy(self) -> bool:
        return self._writing or self._has_lines

    @property
    def _has_lines(self) -> bool:
        return bool(self._waiting) or self._dropped > 0

    def _hurry(self) -> None:
        if not self._hurried:
            self._hurried = True
            self._changed.notify_all()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._wait()
                self._writing = True
                piece = self._next_piece()
            _write_all(self._descriptor, piece)
            with self._changed:
                self._writing = False
                self._changed.notify_all()
                self._gather()

    def _wait(self) -> None:
        """Waits for a line."""
        if not self._has_lines:
            self._sleeping = True
            self._hurried = False
            self._changed.wait_for(lambda: self._has_lines)

    def _gather(self) -> None:
        if self._waiting_bytes < _PIECE_BYTES:
            self._changed.wait_for(lambda: self._hurried, self._gather_seconds)

    def _next_piece(self) -> bytes:
        """Removes whole lines: as many as fit into a piece, and one at least."""
        if not self._waiting:
            number, self._dropped = self._dropped, 0
            return self._encode(self._describe(number))
        lines = [self._waiting.popleft()]
        length = len(lines[0])
        while self._waiting and length + len(self._waiting[0]) <= _PIECE_BYTES:
            lines.append(self._waiting.popleft())
            length += len(lines[-1])
        self._waiting_bytes -= length
        return b"".join(lines)

    def _encode(self, line: str) -> bytes:
        return f"{line}\n".encode(self._encoding, "backslashreplace")


class _PlainLines:
    """The lines of a stream in memory."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, line: str) -> None:
        print(line, file=self._stream)

    def write_all(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)

    def flush(self, seconds: float) -> None:
        self._stream.flush()


class _NoLines:
    """The lines of a closed stream, whose descriptor may be a file's by now."""

    def write(self, line: str) -> None:
        pass

    def write_all(self, lines: Iterable[str]) -> None:
        pass

    def flush(self, seconds: float) -> None:
        pass


def _write_all(descriptor: int, data: bytes) -> None:
    """Waits for the reader, whether the descriptor blocks or not."""
    while data:
        try:
            data = data[os.write(descriptor, data) :]
        except BlockingIOError:
            select.select([], [descriptor], [])
        except OSError:
            return
