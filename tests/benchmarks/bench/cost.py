"""How much processor time a process has used, which does not depend on what else the machine does."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from os import getpid
from pathlib import Path

from tests.kit.processes import Process

_LOAD = "load"
_IDLE_SECONDS = 1.0
_IDLE_SHARE = 0.05


def processor_seconds(pid: int) -> float:
    """The time of all threads that the process has now."""
    nanoseconds = 0
    for file in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        nanoseconds += int(file.read_text().split()[0])
    return nanoseconds / 1e9


def wait_until_idle(pid: int) -> None:
    """Waits until the process has nothing to do: retained state has gone out, checkpoints are written."""
    used, idle_since = processor_seconds(pid), time.monotonic()
    while time.monotonic() - idle_since < _IDLE_SECONDS:
        time.sleep(0.2)
        now = processor_seconds(pid)
        if now - used > _IDLE_SHARE * 0.2:
            idle_since = time.monotonic()
        used = now


class Costs:
    """Microseconds a request, by process. The load is this process itself."""

    def __init__(self, processes: Mapping[str, Process]) -> None:
        self._pids = {name: process.pid for name, process in processes.items()} | {_LOAD: getpid()}
        self.of_rounds: dict[str, list[float]] = {name: [] for name in self._pids}

    @contextmanager
    def round(self, requests: int) -> Iterator[None]:
        """Adds the cost of the requests within the block."""
        before = {name: processor_seconds(pid) for name, pid in self._pids.items()}
        yield
        for name, pid in self._pids.items():
            used = processor_seconds(pid) - before[name]
            self.of_rounds[name].append(used / requests * 1e6)
