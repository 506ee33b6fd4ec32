"""SIGTERM and SIGINT as something that a loop can wait for."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager


class StopSignal:
    """Whether the process was asked to stop. Then the descriptor is readable."""

    def __init__(self) -> None:
        self.received = False
        self.descriptor, self._writer = os.pipe()
        os.set_blocking(self._writer, False)

    def receive(self, _number: int, _frame: object) -> None:
        """Handles the signal."""
        self.received = True
        os.write(self._writer, b"\0")

    def close(self) -> None:
        """Closes the descriptor."""
        os.close(self.descriptor)
        os.close(self._writer)


@contextmanager
def stop_signals() -> Iterator[StopSignal]:
    """Handles SIGTERM and SIGINT within the block."""
    stop = StopSignal()
    before = {number: signal.signal(number, stop.receive) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        stop.close()
