"""What a person types, a line at a time, while the loop goes on."""

import asyncio
import os
import sys


class Keyboard:
    """Standard input. What has been typed ahead waits here, not in Python's buffer, where no loop sees it."""

    def __init__(self) -> None:
        self._descriptor = sys.stdin.fileno()
        self._typed = b""

    async def ask(self, prompt: str) -> str | None:
        """The answer, without white space around it; None where nobody types any more."""
        sys.stdout.write(prompt)
        sys.stdout.flush()
        while b"\n" not in self._typed:
            await self._readable()
            chunk = os.read(self._descriptor, 4096)
            if not chunk:
                return None
            self._typed += chunk
        line, _, self._typed = self._typed.partition(b"\n")
        return line.decode(errors="replace").strip()

    async def _readable(self) -> None:
        loop = asyncio.get_running_loop()
        readable = asyncio.Event()
        try:
            loop.add_reader(self._descriptor, readable.set)
        except PermissionError:  # a file never makes anybody wait
            return
        try:
            await readable.wait()
        finally:
            loop.remove_reader(self._descriptor)
