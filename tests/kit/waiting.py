"""Waiting for what other processes and tasks do, and never for a fixed time."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

DEADLINE = 60.0
"""Seconds after which what a test waits for will not come. Far more than any machine needs."""


async def until(condition: Callable[[], Any], deadline: float = DEADLINE) -> None:
    """Waits in an event loop until the condition is true. Raises TimeoutError if it never is."""
    async with asyncio.timeout(deadline):
        while not condition():
            await asyncio.sleep(0.01)


def wait_until(condition: Callable[[], Any], what: str, deadline: float = DEADLINE) -> Any:
    """Waits until the condition is true and returns its value. Raises AssertionError if it never is."""
    end = time.monotonic() + deadline
    while not (value := condition()):
        assert time.monotonic() < end, f"timed out after {deadline:g} s waiting until {what}"
        time.sleep(0.02)
    return value
