"""Pausing a process, so that whatever comes meanwhile waits for it, however fast it is."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager

from tests.kit.processes import Process


@contextmanager
def paused(process: Process) -> Iterator[None]:
    """It does nothing within the block."""
    os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGCONT)
