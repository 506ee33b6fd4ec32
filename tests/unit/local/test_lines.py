"""Lines for a stream that nobody reads are dropped and counted, and nobody waits."""

import io
import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from cloud_service.local.lines import MOST_WAITING_BYTES, LineWriter, lines_to
from tests.kit.waiting import DEADLINE

LINE = "x" * 99
ROOM = MOST_WAITING_BYTES // 100


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """A pipe's two descriptors, for reading and for writing."""
    reader, writer = os.pipe()
    yield reader, writer
    for descriptor in (reader, writer):
        with suppress(OSError):
            os.close(descriptor)


def dropped(number: int) -> str:
    return f"{number} lines were dropped"


def read_until(reader: int, last: bytes) -> list[bytes]:
    """Reads until the text ends in this line."""
    end, text = time.monotonic() + DEADLINE, b""
    while not text.endswith(last + b"\n"):
        assert time.monotonic() < end
        text += os.read(reader, 65_536)
    return text.splitlines()


@pytest.mark.parametrize("blocking", [True, False])
def test_whoever_writes_does_not_wait_and_the_reader_learns_how_much_is_missing(
    pipe: tuple[int, int], blocking: bool
) -> None:
    reader, writer = pipe
    os.set_blocking(writer, blocking)
    lines = LineWriter(writer, dropped)
    count = 2 * ROOM
    for _ in range(count):
        lines.write(LINE)
    lines.flush(0.01)
    read: list[bytes] = []
    reading = threading.Thread(target=lambda: read.extend(read_until(reader, b"afterwards")))
    reading.start()
    lines.flush(DEADLINE)
    lines.write("afterwards")
    reading.join(DEADLINE)
    *early, number, last = read
    assert set(early) == {LINE.encode()}
    assert len(early) >= ROOM
    assert number.decode() == dropped(count - len(early))
    assert last == b"afterwards"


def test_lines_keep_their_order_and_nothing_is_dropped_while_somebody_reads(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    lines = LineWriter(writer, dropped)
    for number in range(1000):
        lines.write(f"line {number}")
    assert read_until(reader, b"line 999") == [b"line %d" % number for number in range(1000)]


def test_lines_gather_after_the_first_and_leave_together() -> None:
    ours, theirs = socket.socketpair(
        type=socket.SOCK_SEQPACKET
    )  # which keeps what was written at a time apart
    with ours, theirs:
        theirs.settimeout(DEADLINE)
        lines = LineWriter(ours.fileno(), dropped, gather_seconds=3600)
        lines.write("first")
        assert theirs.recv(4096) == b"first\n"
        lines.write("second")
        theirs.settimeout(0.1)
        with pytest.raises(TimeoutError):
            theirs.recv(4096)
        theirs.settimeout(DEADLINE)
        lines.write("third")
        lines.flush(DEADLINE)
        assert theirs.recv(4096) == b"second\nthird\n"


def test_many_lines_do_not_gather_for_long(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    lines = LineWriter(writer, dropped, gather_seconds=3600)
    for _ in range(ROOM // 3):
        lines.write(LINE)
    lines.write("end")
    assert len(read_until(reader, b"end")) == ROOM // 3 + 1


def test_a_line_longer_than_a_piece_is_whole(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    lines = LineWriter(writer, dropped)
    lines.write("y" * 50_000)
    lines.write("end")
    assert read_until(reader, b"end") == [b"y" * 50_000, b"end"]


def test_a_reader_that_has_gone_harms_nobody(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    lines = LineWriter(writer, dropped)
    os.close(reader)
    for _ in range(2 * ROOM):
        lines.write(LINE)
    lines.flush(DEADLINE)


def test_a_closed_stream_takes_nothing_and_one_in_memory_everything() -> None:
    lines_to(None, dropped).write("nowhere")
    memory = io.StringIO()
    lines = lines_to(memory, dropped)
    for _ in range(2 * ROOM):
        lines.write(LINE)
    assert memory.getvalue().count("\n") == 2 * ROOM


def test_a_stream_that_knows_only_ascii(pipe: tuple[int, int]) -> None:
    reader, writer = pipe
    with open(writer, "w", encoding="ascii", closefd=False) as stream:
        lines_to(stream, dropped).write("ação")
        assert read_until(reader, rb"a\xe7\xe3o") == [rb"a\xe7\xe3o"]
