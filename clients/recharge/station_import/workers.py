"""Works on several sites at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable

from recharge.station_import.afdc import Site


async def for_each(sites: Iterable[Site], at_once: int, work: Callable[[Site], Awaitable[None]]) -> None:
    """Works on every site, on up to `at_once` of them at a time.

    Raises an ExceptionGroup of the errors that the work raised. The first one ends all of it.
    """
    remaining = iter(sites)

    async def work_on_remaining() -> None:
        for site in remaining:
            await work(site)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(at_once):
            tasks.create_task(work_on_remaining())
