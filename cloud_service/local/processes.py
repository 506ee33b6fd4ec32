"""Child processes that end on SIGTERM and with their parent, but not on a terminal's Ctrl-C."""

import asyncio
import ctypes
import os
import signal
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Self

STOP_SECONDS: Final = 20.0
"""The time a process has to end cleanly before it is killed."""

_PR_SET_PDEATHSIG: Final = 1
_STDERR: Final = 2
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class Child:
    """A started process. Its name is for people."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self._process = process

    @classmethod
    async def start(cls, name: str, command: Sequence[str], environment: Mapping[str, str]) -> Self:
        """Starts the command. All its output goes to standard error; standard output is the supervisor's."""
        process = await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=_STDERR,
            stderr=_STDERR,
            # A terminal's Ctrl-C reaches only the supervisor, which stops all processes in order.
            start_new_session=True,
            preexec_fn=end_with_parent(),
        )
        return cls(name, process)

    async def wait(self) -> str:
        """Waits until the process has ended. Returns a sentence that says how."""
        status = await self._process.wait()
        if status < 0:
            return f"{self.name} was ended by {signal.Signals(-status).name}"
        return f"{self.name} ended with status {status}"

    async def end(self, stop_seconds: float = STOP_SECONDS) -> bool:
        """Ends the process with SIGTERM, and with SIGKILL if it still runs after `stop_seconds`.

        Returns whether it ended cleanly. A process that had ended before counts as clean.
        """
        if self._process.returncode is not None:
            return True
        self._process.terminate()
        try:
            async with asyncio.timeout(stop_seconds):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()
        return self._process.returncode in (0, -signal.SIGTERM)


def end_with_parent() -> Callable[[], None]:
    """Returns a `preexec_fn`: on Linux, the child receives SIGTERM when its parent ends or is killed."""
    parent = os.getpid()

    def prepare() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                os._exit(1)

    return prepare
