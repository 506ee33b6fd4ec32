"""Work with a copy of the network, in a thread beside the loop that answers requests.

Both share the interpreter. Whenever the loop waits for a socket or the disk, the thread goes on, and the loop
has to get the interpreter back: nothing that the thread does may keep it for long.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import Any, Final

SWITCH_SECONDS: Final = 0.0005
"""After this time a thread gives the interpreter to another one that waits. The loop waits so long several
times for each batch."""


class _Settings:
    """The interpreter's settings, which all of the process shares, and how many blocks need other ones."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._blocks = 0
        self._usual = sys.getswitchinterval()
        self._collects = True

    def enter(self) -> None:
        with self._lock:
            if not self._blocks:
                self._usual, self._collects = sys.getswitchinterval(), gc.isenabled()
                sys.setswitchinterval(SWITCH_SECONDS)
                gc.disable()
            self._blocks += 1

    def leave(self) -> None:
        with self._lock:
            self._blocks -= 1
            if not self._blocks:
                sys.setswitchinterval(self._usual)
                if self._collects:
                    gc.enable()


_settings = _Settings()


@contextmanager
def beside_requests() -> Iterator[None]:
    """Lets threads take shorter turns within the block, and pauses the cycle collector.

    It would search the copy, which has no cycles, three times and more: 20 ms each at 400,000 points. Blocks
    may overlap, and end in another thread than they began in.
    """
    _settings.enter()
    try:
        yield
    finally:
        _settings.leave()


def let_go(*collections: dict[Any, Any] | list[Any]) -> None:
    """Empties them one by one. Left to the interpreter, freeing a million records would be a single step."""
    for collection in collections:
        take = collection.popitem if isinstance(collection, dict) else collection.pop
        while collection:
            take()
