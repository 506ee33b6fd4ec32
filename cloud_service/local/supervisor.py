"""Runs several processes as one: when one of them ends, or a signal arrives, all are stopped in order."""

import asyncio
import os
import signal
import socket
from collections.abc import Coroutine, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from cloud_service.language.text import Text, TextError
from cloud_service.local.lines import Lines
from cloud_service.local.processes import Child

T = TypeVar("T")


class ChildEnded(TextError):
    """A process ended by itself. The text says which one, and how."""


class StopRequested(Exception):
    """A signal asked the supervisor to stop: Ctrl-C, SIGTERM, or the terminal was closed."""


class Supervisor:
    """Use as `async with Supervisor()`: on exit, it stops the processes that it started, the last one first.

    Afterwards `failures` says which of them did not end cleanly, and how each one ended.
    """

    def __init__(self) -> None:
        self.failures: list[Text] = []
        self._children: list[Child] = []
        self._ends: list[asyncio.Task[Text]] = []
        self._stop = asyncio.Event()

    async def __aenter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._stop.set)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child, end in reversed(list(zip(self._children, self._ends, strict=True))):
            if not await child.end():
                self.failures.append(await end)

    @property
    def names(self) -> list[Text]:
        """The names of the started processes, in the order of their start."""
        return [child.name for child in self._children]

    async def start(
        self,
        name: Text,
        command: Sequence[str],
        environment: Mapping[str, str] = os.environ,
        output: Lines | None = None,
        listener: socket.socket | None = None,
    ) -> None:
        """Starts a process. Its name is for people. `output` and `listener` are those of Child.start."""
        child = await Child.start(name, command, environment, output, listener)
        self._children.append(child)
        self._ends.append(asyncio.create_task(child.wait(), name=f"end of {name}"))

    def forget_ended(self) -> None:
        """Goes on without the processes that have ended, so that they can be started again."""
        running = [
            (child, end) for child, end in zip(self._children, self._ends, strict=True) if not end.done()
        ]
        self._children = [child for child, _ in running]
        self._ends = [end for _, end in running]

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Does this work while all processes run. Raises ChildEnded or StopRequested if that comes first."""
        task = asyncio.create_task(work)
        stop = asyncio.create_task(self._stop.wait())
        try:
            await asyncio.wait((task, stop, *self._ends), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            for end in self._ends:
                if end.done():
                    raise ChildEnded(end.result())
            raise StopRequested
        finally:
            task.cancel()
            stop.cancel()
            await asyncio.wait((task, stop))

    async def wait(self) -> None:
        """Waits for a signal. Raises ChildEnded if a process ends before."""
        try:
            await self.run(asyncio.Event().wait())
        except StopRequested:
            return
