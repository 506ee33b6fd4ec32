"""Child processes that end on SIGTERM and with their parent, but not on a terminal's Ctrl-C."""

import asyncio
import ctypes
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final, Self

from cloud_service.language.text import Text
from cloud_service.local.lines import Lines

STOP_SECONDS: Final = 20.0
"""The time a process has to end cleanly before it is killed."""

OPEN_FILES: Final = 16_384
"""What a broker with 11,000 connections needs, as in docker-compose.yml."""

_LONGEST_LINE: Final = 2**20
_PR_SET_PDEATHSIG: Final = 1
_STDERR: Final = 2
_LISTENER: Final = "RECHARGE_LISTENER"
"""The variable with the descriptor of a socket that a process takes over."""
_libc = ctypes.CDLL(None) if sys.platform == "linux" else None


class Child:
    """A started process. Its name is for people."""

    def __init__(
        self, name: Text, process: asyncio.subprocess.Process, output: asyncio.Task[None] | None
    ) -> None:
        self.name = name
        self._process = process
        self._output = output

    @classmethod
    async def start(
        cls,
        name: Text,
        command: Sequence[str],
        environment: Mapping[str, str],
        output: Lines | None = None,
        listener: socket.socket | None = None,
    ) -> Self:
        """Starts the command. All that it prints goes to `output`, by default directly to standard error.

        A program that is not ours stands still while nobody reads what it prints, so it needs an `output`.
        One of ours may take over a `listener`, with `inherited_listener`.
        """
        if listener is not None:
            environment = {**environment, _LISTENER: str(listener.fileno())}
        process = await asyncio.create_subprocess_exec(
            *command,
            env=environment,
            pass_fds=() if listener is None else (listener.fileno(),),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=_own_error_stream() if output is None else asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            limit=_LONGEST_LINE,
            # A terminal's Ctrl-C reaches only the supervisor, which stops all processes in order.
            start_new_session=True,
            preexec_fn=end_with_parent(),
        )
        return cls(name, process, None if output is None else _pass_on(name, process, output))

    async def wait(self) -> Text:
        """Waits until the process has ended. Returns a sentence that says how."""
        status = await self._process.wait()
        if self._output is not None:
            await asyncio.wait([self._output])
        if status < 0:
            killer = signal.Signals(-status).name
            return Text("{process} was ended by {signal}", process=self.name, signal=killer)
        return Text("{process} ended with status {status}", process=self.name, status=status)

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
        if self._output is not None:
            await asyncio.wait([self._output])
        return self._process.returncode in (0, -signal.SIGTERM)


def _own_error_stream() -> int:
    """What a child inherits. A closed descriptor may be one of our files by now."""
    return asyncio.subprocess.DEVNULL if sys.stderr is None else _STDERR


def _pass_on(name: Text, process: asyncio.subprocess.Process, output: Lines) -> asyncio.Task[None]:
    """Passes on what the process prints, line by line, until it ends."""
    assert process.stdout is not None
    printed = process.stdout

    async def pass_on() -> None:
        async for line in printed:
            output.write(line.decode(errors="replace").rstrip("\n"))

    return asyncio.create_task(pass_on(), name=f"output of {name}")


def inherited_listener() -> socket.socket | None:
    """The listening socket that the process which started this one hands over. None if there is none."""
    descriptor = os.environ.get(_LISTENER)
    return None if descriptor is None else socket.socket(fileno=int(descriptor))


def allow_open_files() -> None:
    """Raises this process's limit of open files, which its children inherit, as far as the system allows.

    A shell usually allows 1,024. Mosquitto keeps to that, and silently takes no more connections.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = OPEN_FILES if hard == resource.RLIM_INFINITY else min(OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def end_with_parent() -> Callable[[], None]:
    """Returns a `preexec_fn`: on Linux, the child receives SIGTERM when its parent ends or is killed."""
    parent = os.getpid()

    def prepare() -> None:
        if _libc is not None:
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
            if os.getppid() != parent:
                os._exit(1)

    return prepare
