"""The supervisor runs processes together, and stops them together."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from cloud_service.language.text import Text
from cloud_service.local.processes import Child
from cloud_service.local.supervisor import ChildEnded, StopRequested, Supervisor

SLEEPS = [sys.executable, "-c", "import time; time.sleep(60)"]


def logs_its_end(file: Path, name: str, status: int = 0) -> list[str]:
    """A process that writes its name to the file on SIGTERM, and `ready` when it would."""
    script = (
        "import os, signal, sys, time\n"
        "def stop(*_):\n"
        f"    with open({str(file)!r}, 'a') as file: file.write({name!r} + '\\n')\n"
        f"    os._exit({status})\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        f"open({str(file)!r} + {name!r}, 'w').close()\n"
        "time.sleep(60)\n"
    )
    return [sys.executable, "-c", script]


async def exists(file: Path) -> None:
    while not file.exists():
        await asyncio.sleep(0.01)


def run(work: Callable[[Supervisor], Awaitable[object]]) -> Supervisor:
    """Does this in a supervisor. Returns it as it is afterwards."""

    async def main() -> Supervisor:
        async with asyncio.timeout(20), Supervisor() as supervisor:
            await work(supervisor)
        return supervisor

    return asyncio.run(main())


def test_the_last_one_started_is_stopped_first(tmp_path: Path) -> None:
    file = tmp_path / "ends"

    async def work(supervisor: Supervisor) -> None:
        for name in ("first", "second", "third"):
            await supervisor.start(Text(name), logs_its_end(file, name))
            await supervisor.run(exists(tmp_path / f"ends{name}"))
        assert list(map(str, supervisor.names)) == ["first", "second", "third"]

    assert run(work).failures == []
    assert file.read_text().split() == ["third", "second", "first"]


def test_a_process_that_ends_stops_the_others(tmp_path: Path) -> None:
    file = tmp_path / "ends"

    async def work(supervisor: Supervisor) -> None:
        await supervisor.start(Text("lasting"), logs_its_end(file, "lasting"))
        await supervisor.run(exists(tmp_path / "endslasting"))
        await supervisor.start(Text("short"), [sys.executable, "-c", "raise SystemExit(3)"])
        with pytest.raises(ChildEnded, match=r"^short ended with status 3$"):
            await supervisor.wait()

    assert run(work).failures == []
    assert file.read_text() == "lasting\n"


def test_a_killed_process_is_named_with_its_signal() -> None:
    async def work(supervisor: Supervisor) -> None:
        await supervisor.start(Text("victim"), [sys.executable, "-c", "import os; os.kill(os.getpid(), 9)"])
        with pytest.raises(ChildEnded, match=r"^victim was ended by SIGKILL$"):
            await supervisor.wait()

    run(work)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_the_wait(number: signal.Signals) -> None:
    async def work(supervisor: Supervisor) -> None:
        asyncio.get_running_loop().call_soon(os.kill, os.getpid(), number)
        await supervisor.wait()

    assert run(work).failures == []


def test_a_signal_interrupts_work() -> None:
    cancelled = []

    async def endless() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def work(supervisor: Supervisor) -> None:
        asyncio.get_running_loop().call_later(0.05, os.kill, os.getpid(), signal.SIGTERM)
        with pytest.raises(StopRequested):
            await supervisor.run(endless())

    run(work)
    assert cancelled == [True]


def test_work_returns_its_result_or_raises_its_error() -> None:
    async def result() -> int:
        return 7

    async def error() -> None:
        raise ValueError("wrong")

    async def work(supervisor: Supervisor) -> None:
        await supervisor.start(Text("sleeping"), SLEEPS)
        assert await supervisor.run(result()) == 7
        with pytest.raises(ValueError, match="wrong"):
            await supervisor.run(error())

    run(work)


def test_a_process_that_does_not_end_cleanly_is_a_failure(tmp_path: Path) -> None:
    async def work(supervisor: Supervisor) -> None:
        await supervisor.start(Text("failing"), logs_its_end(tmp_path / "ends", "failing", status=5))
        await supervisor.run(exists(tmp_path / "endsfailing"))

    assert list(map(str, run(work).failures)) == ["failing ended with status 5"]


def test_a_process_that_ignores_sigterm_is_killed(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    script = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f"open({str(ready)!r}, 'w').close(); time.sleep(60)"
    )

    async def main() -> None:
        child = await Child.start(Text("stubborn"), [sys.executable, "-c", script], os.environ)
        await exists(ready)
        assert not await child.end(stop_seconds=0.1)
        assert str(await child.wait()) == "stubborn was ended by SIGKILL"

    asyncio.run(main())


def test_a_process_does_not_hear_the_terminal_and_gets_only_its_environment(tmp_path: Path) -> None:
    file = tmp_path / "seen"
    script = (
        "import os, sys; seen = os.getsid(0) == os.getpid(), sys.stdin.read(), os.environ.get('A');"
        f"open({str(file)!r}, 'w').write(repr(seen))"
    )

    async def work(supervisor: Supervisor) -> None:
        await supervisor.start(Text("curious"), [sys.executable, "-c", script], {"A": "1"})
        with pytest.raises(ChildEnded):
            await supervisor.wait()

    run(work)
    assert file.read_text() == "(True, '', '1')"
