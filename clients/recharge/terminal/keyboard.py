"""Reads lines from standard input while the event loop runs."""

import asyncio
import os
import sys


class Keyboard:
    """Standard input, read from its descriptor: Python's own buffering would hide lines typed ahead."""

    def __init__(self) -> None:
        self._descriptor = sys.stdin.fileno()
        self._typed = b""

    async def ask(self, prompt: str) -> str | None:
        """Prints the prompt and returns the answer, stripped; None at the end of the input."""
        _write(prompt)
        try:
            line = await self._line()
        except asyncio.CancelledError:
            _write("\n")
            raise
        if line is None:
            _write("\n")
            return None
        return line.decode(errors="replace").strip()

    async def _line(self) -> bytes | None:
        while b"\n" not in self._typed:
            await self._readable()
            chunk = self._read()
            if not chunk:
                return None
            self._typed += chunk
        line, _, self._typed = self._typed.partition(b"\n")
        return line

    def _read(self) -> bytes:
        try:
            return os.read(self._descriptor, 4096)
        except OSError:  # the terminal was closed
            return b""

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        try:
            loop.add_reader(self._descriptor, readable.set)
        except PermissionError:  # a regular file is always readable
            return
        try:
            await readable.wait()
        finally:
            loop.remove_reader(self._descriptor)


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def keyboard_of_terminal() -> Keyboard | None:
    """Returns None unless a person can see the questions and answer them, on a terminal."""
    return Keyboard() if sys.stdin.isatty() and sys.stdout.isatty() else None
