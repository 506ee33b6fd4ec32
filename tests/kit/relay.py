"""A TCP link to a port that can be cut, held, silent, or slow."""

import socket
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Event, Lock, Thread
from time import sleep
from types import TracebackType
from typing import Self

from tests.kit.postgres import Postgres
from tests.kit.processes import HOST, Process, Stack
from tests.kit.shared_stack import SERVICE, SharedStack


class Relay:
    """Listens on a free port and forwards to `target` on threads: `with Relay(target) as relay:`."""

    def __init__(self, target: int) -> None:
        self.delay = 0.0
        """Seconds by which each piece of data is late."""
        self.delay_there = 0.0
        """The same for data from those who connected; the longer of the two counts."""
        self.passing = Event()
        """While it is clear, data is held. Nothing is lost unless the link is cut."""
        self._target = target
        self._listener = socket.create_server((HOST, 0))
        self.port = int(self._listener.getsockname()[1])
        self._silent = False
        self._faithful: set[socket.socket] = set()
        self._closed = False
        self._lock = Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._acceptor = Thread(target=self._accept, name="relay", daemon=True)

    def __enter__(self) -> Self:
        self.passing.set()
        self._acceptor.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.cut()
        self.passing.set()

    @property
    def faithful(self) -> int:
        """How many ends have not given up their connection since the link fell silent."""
        with self._lock:
            return len(self._faithful)

    @property
    def connected(self) -> bool:
        """Whether somebody uses the link."""
        with self._lock:
            return bool(self._pairs)

    def cut(self) -> None:
        """Ends all connections, as a reset does."""
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for ends in pairs:
            _end(ends)

    def silence(self) -> None:
        """Loses all data, even the end of a connection: as when a cable is pulled."""
        with self._lock:
            self._silent = True
            self._faithful = {end for ends in self._pairs for end in ends}

    def mend(self) -> None:
        """Ends the silence. The connections from before are cut; new ones work."""
        self.cut()
        self._silent = False

    def _accept(self) -> None:
        for near in self._incoming():
            try:
                far = socket.create_connection((HOST, self._target), 5)
            except OSError:
                near.close()
                continue
            far.settimeout(None)
            for end in (near, far):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._pairs.append((near, far))
            for source, sink in ((near, far), (far, near)):
                Thread(target=self._forward, args=(source, sink, (near, far)), daemon=True).start()

    def _incoming(self) -> Iterator[socket.socket]:
        while not self._closed:
            with suppress(OSError):
                yield self._listener.accept()[0]

    def _forward(
        self, source: socket.socket, sink: socket.socket, ends: tuple[socket.socket, socket.socket]
    ) -> None:
        with suppress(OSError):
            while data := source.recv(65_536):
                delay = max(self.delay, self.delay_there if source is ends[0] else 0.0)
                if delay:
                    sleep(delay)
                self.passing.wait()
                if not self._silent:
                    sink.sendall(data)
        with self._lock:
            self._faithful.discard(source)
            if self._silent:
                return
            if ends in self._pairs:
                self._pairs.remove(ends)
        _end(ends)


def _end(ends: tuple[socket.socket, socket.socket]) -> None:
    for end in ends:
        with suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
        end.close()


@contextmanager
def stack_behind_relay(folder: Path) -> Iterator[tuple[Stack, Relay]]:
    """The service reaches the broker through a link that can fail; everybody else reaches it directly."""
    stack = Stack(folder)
    with Relay(stack.broker.port) as relay:
        through = {**stack.environment, "RECHARGE_MQTT_PORT": str(relay.port)}
        words = [sys.executable, "-m", "cloud_service", "service"]
        stack.service = Process("service", words, folder / "service.log", through)
        with stack:
            yield stack, relay


@contextmanager
def shared_stack_behind_relay(
    folder: Path, words: Sequence[str] = SERVICE, **variables: str
) -> Iterator[tuple[SharedStack, Relay]]:
    """The same with two services that share a PostgreSQL, and have this command line."""
    with Postgres(folder / "postgres.log") as postgres:
        stack = SharedStack(folder, state=postgres.new_database(), services=2)
        with Relay(stack.broker.port) as relay:
            stack.run_instead(words, RECHARGE_MQTT_PORT=str(relay.port), **variables)
            with stack:
                yield stack, relay
