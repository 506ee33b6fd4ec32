"""A person at a terminal."""

import os
import pty
import select
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

from tests.kit.processes import Stack
from tests.kit.waiting import DEADLINE


class Terminal:
    """A command with a person in front of it."""

    def __init__(self, stack: Stack, folder: Path, *words: str, **environment: str) -> None:
        self.screen = ""
        self._keys, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cloud_service", *words],
            env={
                **stack.environment,
                "XDG_STATE_HOME": str(folder),
                "TERM": "xterm",
                "COLUMNS": "120",
                **environment,
            },
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
        )
        os.close(theirs)

    def sees(self, text: str) -> None:
        """Reads the screen until the text appears, and discards everything before it."""
        end = time.monotonic() + DEADLINE
        while text not in self.screen:
            assert time.monotonic() < end, f"{text!r} does not appear:\n{self.screen[-3000:]}"
            if select.select([self._keys], [], [], 0.1)[0]:
                self.screen += os.read(self._keys, 4096).decode(errors="replace")
        self.screen = self.screen.partition(text)[2]

    def types(self, text: str) -> None:
        os.write(self._keys, text.encode() + b"\n")

    def ends_input(self) -> None:
        """Presses Ctrl-D."""
        os.write(self._keys, b"\x04")

    def interrupts(self) -> None:
        """Does what Ctrl-C does; the command is not in the foreground of this terminal."""
        self._process.send_signal(signal.SIGINT)

    def ends(self) -> int:
        """Reads the rest of the screen, and returns the exit status."""
        end = time.monotonic() + DEADLINE
        with suppress(OSError):  # on Linux, the end of a terminal is an error
            while time.monotonic() < end and (part := os.read(self._keys, 4096)):
                self.screen += part.decode(errors="replace")
        return self._process.wait(DEADLINE)

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()
        os.close(self._keys)
