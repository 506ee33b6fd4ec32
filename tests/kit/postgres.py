"""A PostgreSQL of the tests' own, on a free port, in a folder that goes with it."""

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress
from itertools import count
from pathlib import Path
from types import TracebackType
from typing import Self

import psycopg
import pytest

from tests.kit.processes import HOST, Process, free_port
from tests.kit.waiting import DEADLINE, wait_until

REASON = "PostgreSQL is not installed (Debian: postgresql, with the extension btree_gist)"
_INITDB = ("-U", "owner", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale", "C.UTF-8")
_names = count(1)


def programs() -> Path | None:
    """The folder of the newest PostgreSQL's programs, if there is one."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda each: float(each.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


def _as_its_user() -> list[str]:
    """PostgreSQL refuses to run as root, so root runs it as the user that Debian has made for it."""
    if os.geteuid() != 0:
        return []
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--pdeathsig=QUIT"]


def _lives(pid: int) -> bool:
    """Whether a process runs; one that its parent has not asked about yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


class Postgres(Process):
    """A database server. It is as careful with the disk as by default."""

    def __init__(self, log: Path, *, settings: tuple[str, ...] = ()) -> None:
        bin_folder = programs()
        if bin_folder is None:
            pytest.skip(REASON)
        self.port = free_port()
        # Not in a folder of pytest's, which only its own user may enter.
        self._folder = Path(tempfile.mkdtemp(prefix="recharge-postgres-"))
        self.data = self._folder / "data"
        if os.geteuid() == 0:
            shutil.chown(self._folder, "postgres", "postgres")
        subprocess.run(
            [*_as_its_user(), str(bin_folder / "initdb"), "-D", str(self.data), *_INITDB],
            check=True,
            capture_output=True,
            cwd="/",
        )
        command = [*_as_its_user(), str(bin_folder / "postgres"), "-D", str(self.data), "-p", str(self.port)]
        options = (
            f"listen_addresses={HOST}",
            "unix_socket_directories=",
            "max_connections=200",
            "shared_buffers=64MB",
            *settings,
        )
        for option in options:
            command += ["-c", option]
        super().__init__("postgres", command, log)

    def address(self, database: str = "postgres", user: str = "owner") -> str:
        """The URL of a database."""
        return f"postgresql://{user}@{HOST}:{self.port}/{database}"

    def new_database(self) -> str:
        """Makes an empty database, and returns its URL."""
        name = f"network_{next(_names)}"
        with psycopg.connect(self.address(), autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {name}".encode())
        return self.address(name)

    def start(self) -> None:
        super().start()
        wait_until(self._takes_connections, f"PostgreSQL on port {self.port}", DEADLINE)

    def kill(self) -> None:
        """Ends the server with all of its processes by SIGKILL, as when its machine fails."""
        os.kill(self.pid, signal.SIGSTOP)  # so that it starts no more of them
        children = [
            int(pid) for pid in Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        ]
        super().kill()
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        # As long as one of them has the shared memory, the server does not start again.
        wait_until(lambda: not any(map(_lives, children)), "all processes of PostgreSQL have ended")

    def _takes_connections(self) -> bool:
        self.check()
        try:
            psycopg.connect(self.address(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.running:
            os.kill(self.pid, signal.SIGINT)  # ends connections, and then itself
            wait_until(lambda: not self.running, "PostgreSQL has ended")
        shutil.rmtree(self._folder)
