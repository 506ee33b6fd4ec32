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
from typing import Any, Self

import psycopg
import pytest

from tests.kit.processes import HOST, Process, free_port
from tests.kit.waiting import DEADLINE, wait_until

REASON = "PostgreSQL is not installed (Debian: postgresql, with the extension btree_gist)"
_INITDB = ("-U", "owner", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale", "C.UTF-8")
_HAS_STANDBY = "SELECT 1 FROM pg_stat_replication WHERE sync_state = 'sync'"
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
        self._bin_folder = bin_folder
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
        self.execute(f"CREATE DATABASE {name}")
        return self.address(name)

    def start(self) -> None:
        """Starts it and waits until it takes connections. What has no data yet gets some of its own."""
        if not self.data.exists():
            self._run("initdb", *_INITDB)
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

    def follow(self, primary: "Postgres") -> None:
        """Starts it as the synchronous standby of another one, with a copy of its data instead of any own."""
        shutil.rmtree(self.data, ignore_errors=True)
        self._run("pg_basebackup", "-d", primary.address(), "-R", "--checkpoint=fast", "--no-sync")
        self.start()
        primary.execute("ALTER SYSTEM SET synchronous_standby_names = '*'", "SELECT pg_reload_conf()")
        wait_until(lambda: primary.execute(_HAS_STANDBY), "the standby is synchronous")

    def promote(self) -> None:
        """Makes a standby the primary. It waits for no standby of its own until it has one."""
        self.execute(
            "ALTER SYSTEM RESET synchronous_standby_names", "SELECT pg_reload_conf()", "SELECT pg_promote()"
        )

    def execute(self, *statements: str) -> list[Any]:
        """Runs statements as the owner of the server. Returns the rows of the last one."""
        with psycopg.connect(self.address(), autocommit=True) as connection:
            cursor = connection.cursor()
            for statement in statements:
                cursor.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def _run(self, program: str, *arguments: str) -> None:
        """Runs one of PostgreSQL's programs on the folder of the data."""
        words = [*_as_its_user(), str(self._bin_folder / program), "-D", str(self.data), *arguments]
        subprocess.run(words, check=True, capture_output=True, cwd="/")

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
            os.kill(self.pid, signal.SIGQUIT)  # without a checkpoint, which may take minutes on a busy disk
            wait_until(lambda: not self.running, "PostgreSQL has ended")
        shutil.rmtree(self._folder)
