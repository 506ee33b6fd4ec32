"""Several processes as one: when any of them ends, or somebody asks, all of them end in order."""

import asyncio
import os
import signal
from collections.abc import Coroutine, Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

from cloud_service.local.processes import Child

T = TypeVar("T")


class ChildEnded(Exception):
    """A process ended that nobody had asked to. The text says which, and how."""


class Asked(Exception):
    """Somebody asked for the end: Ctrl-C, SIGTERM, or the terminal was closed."""


class Supervisor:
    """`async with Supervisor()`: on leaving, the processes that were started end, the last one first.

    `disorderly` says then which of them did not end as they should.
    """

    def __init__(self) -> None:
        self.disorderly: list[str] = []
        self._children: list[Child] = []
        self._ends: list[asyncio.Task[str]] = []
        self._asked = asyncio.Event()

    async def __aenter__(self) -> Self:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._asked.set)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for child, ended in reversed(list(zip(self._children, self._ends, strict=True))):
            if not await child.end():
                self.disorderly.append(await ended)

    @property
    def names(self) -> list[str]:
        """What was started, in this order."""
        return [child.name for child in self._children]

    async def start(
        self, name: str, command: Sequence[str], environment: Mapping[str, str] = os.environ
    ) -> None:
        child = await Child.start(name, command, environment)
        self._children.append(child)
        self._ends.append(asyncio.create_task(child.wait(), name=f"end of {name}"))

    async def until(self, work: Coroutine[Any, Any, T]) -> T:
        """Does this work while all processes run. Raises ChildEnded or Asked where that comes first."""
        task = asyncio.create_task(work)
        asked = asyncio.create_task(self._asked.wait())
        try:
            await asyncio.wait((task, asked, *self._ends), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            for end in self._ends:
                if end.done():
                    raise ChildEnded(end.result())
            raise Asked
        finally:
            task.cancel()
            asked.cancel()
            await asyncio.wait((task, asked))

    async def until_asked(self) -> None:
        """Waits for the end. Raises ChildEnded where a process ends by itself."""
        try:
            await self.until(asyncio.Event().wait())
        except Asked:
            return
