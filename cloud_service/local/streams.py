"""The standard streams as a process may be started with them: closed, full, without a reader, or ASCII only.

Commands print and read as usual. What cannot be written is lost, and the command goes on; `output_failure`
says why something was lost.
"""

import errno
import io
import os
import select
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Final, TextIO

from cloud_service.language.text import Reason

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_REASONS: Final = {errno.EBADF: "it is closed", errno.EPIPE: "its reader has gone"}


class LosingOutput(io.FileIO):
    """A descriptor to which writing never fails. After the first failure, everything is lost."""

    def __init__(self, descriptor: int) -> None:
        super().__init__(descriptor, "w", closefd=False)
        self.failure: OSError | None = None
        self.is_reported = False
        self.on_failure: Callable[[], object] = lambda: None

    def write(self, data: "ReadableBuffer", /) -> int:
        size = memoryview(data).nbytes
        if self.failure is not None:
            return size
        try:
            while (written := super().write(data)) is None:
                # Another process has set the descriptor to non-blocking.
                select.select([], [self], [])
        except OSError as error:
            self.failure = error
            self.on_failure()
            return size
        return written


_outputs: Final[list[LosingOutput]] = []
"""Standard output, once it is prepared."""


def prepare_standard_streams() -> None:
    """Makes the standard streams usable. Streams that somebody else put in their place stay as they are."""
    # A free descriptor would become that of the next file or socket.
    _occupy(0, os.O_RDONLY)
    _occupy(1, os.O_RDONLY)  # writing to it fails, as to the closed one
    _occupy(2, os.O_WRONLY)
    if sys.stdin is None:
        sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    if sys.stdout is sys.__stdout__ and not _outputs:
        _outputs.append(LosingOutput(1))
        sys.stdout = _text(_outputs[0], sys.stdout, line_buffering=_outputs[0].isatty())
    if sys.stderr is sys.__stderr__:
        sys.stderr = _text(LosingOutput(2), sys.stderr, line_buffering=True)


def output_failure() -> Reason | None:
    """Returns why something that was printed is lost; None if nothing is, or if `print_or_fail` raised."""
    sys.stdout.flush()
    if not _outputs or _outputs[0].is_reported or _outputs[0].failure is None:
        return None
    return Reason(_with_reason(_outputs[0].failure))


def print_or_fail(line: str) -> None:
    """Prints a line at once. Raises OSError, which says why, if it is lost."""
    print(line, flush=True)
    if _outputs and (failure := _outputs[0].failure) is not None:
        _outputs[0].is_reported = True
        raise _with_reason(failure)


def when_output_fails(call: Callable[[], object]) -> None:
    """Calls this when something that is printed is lost for the first time."""
    if _outputs:
        _outputs[0].on_failure = call


def _with_reason(failure: OSError) -> OSError:
    """The failure in words that fit an output."""
    return OSError(failure.errno, _REASONS.get(failure.errno or 0) or failure.strerror or str(failure))


def _occupy(descriptor: int, flags: int) -> None:
    """Opens the null device there, if nothing is open."""
    try:
        os.fstat(descriptor)
    except OSError:
        opened = os.open(os.devnull, flags)
        if opened != descriptor:
            os.dup2(opened, descriptor)
            os.close(opened)
        os.set_inheritable(descriptor, True)


def _text(output: LosingOutput, replaced: TextIO | None, *, line_buffering: bool) -> TextIO:
    """The output as text. A character that the encoding does not have is written as an escape."""
    encoding = "utf-8" if replaced is None else replaced.encoding
    return io.TextIOWrapper(
        io.BufferedWriter(output), encoding, errors="backslashreplace", line_buffering=line_buffering
    )
