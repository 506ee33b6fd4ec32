"""Waiting for what other processes and tasks do, and never for a fixed time."""

import asyncio
import functools
import time
from collections.abc import Callable, Coroutine
from typing import Any, ParamSpec

DEADLINE = 60.0
"""Seconds after which what a test waits for will not come. Far more than any machine needs."""
Parameters = ParamSpec("Parameters")


def in_loop(test: Callable[Parameters, Coroutine[Any, Any, None]]) -> Callable[Parameters, None]:
    """Makes an asynchronous test one that pytest runs, with a deadline."""

    @functools.wraps(test)
    def run(*args: Parameters.args, **kwargs: Parameters.kwargs) -> None:
        async def limited() -> None:
            async with asyncio.timeout(DEADLINE):
                await test(*args, **kwargs)

        asyncio.run(limited())

    return run


async def until(condition: Callable[[], Any]) -> None:
    """Waits in an event loop until the condition is true. The test's own deadline ends it otherwise."""
    while not condition():
        await asyncio.sleep(0.01)


def wait_until(condition: Callable[[], Any], what: str, deadline: float = DEADLINE) -> Any:
    """Waits until the condition is true and returns its value; AssertionError names what did not come."""
    end = time.monotonic() + deadline
    while not (value := condition()):
        assert time.monotonic() < end, f"waited {deadline:g} s in vain until {what}"
        time.sleep(0.02)
    return value
