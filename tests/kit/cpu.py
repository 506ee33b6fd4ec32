"""The processor: how much of it processes have used, and a limit to how much they get."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from uuid import uuid4

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_ROOT: Final = Path("/sys/fs/cgroup")
_PERIOD: Final = 20_000
"""Microseconds. Short, so that a process that has used its share soon goes on."""
MISSING: Final = "control groups for the processor cannot be made here: that needs root, and cgroups 1 or 2"


def used_seconds(pid: int) -> float:
    """What a process, those that it has started and those of them that have ended have used until now."""
    total = 0.0
    for process in (pid, *_children(pid)):
        try:
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += sum(map(int, fields[11:15] if process == pid else fields[11:13])) / _TICKS
    return total


def _children(pid: int) -> list[int]:
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += map(int, (task / "children").read_text().split())
    return found


class ProcessorShare:
    """A control group: what is put into it gets at most this share of one core, all of it together."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def take(self, pid: int) -> None:
        """Takes a process with all its threads."""
        (self._folder / "cgroup.procs").write_text(str(pid))


@contextmanager
def processor_share(share: float) -> Iterator[ProcessorShare]:
    """Makes a control group, and removes it when its processes have ended. Raises OSError where it cannot."""
    quota = round(share * _PERIOD)
    name = f"recharge-{uuid4().hex[:8]}"
    if (_ROOT / "cgroup.controllers").exists():
        folder = _ROOT / name
        (_ROOT / "cgroup.subtree_control").write_text("+cpu")
        folder.mkdir()
        limits = {"cpu.max": f"{quota} {_PERIOD}"}
    else:
        folder = _ROOT / "cpu" / name
        folder.mkdir()
        limits = {"cpu.cfs_period_us": str(_PERIOD), "cpu.cfs_quota_us": str(quota)}
    try:
        for file, value in limits.items():
            (folder / file).write_text(value)
        yield ProcessorShare(folder)
    finally:
        folder.rmdir()
