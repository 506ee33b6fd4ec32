"""`recharge up` with its output in a pipe that nobody reads, like that of a paused pager."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.kit.processes import HOST, clean_environment, free_port
from tests.kit.waiting import DEADLINE, wait_until

REQUESTS = 5_000
FIND = b'{"findReservation": true, "vid": 1}'


class Unread:
    """A `recharge up` whose standard output and standard error are one pipe."""

    def __init__(self, data_dir: Path, *words: str) -> None:
        self.tcp_port = free_port()
        self._reader, writer = os.pipe()
        ports = (
            "--mqtt-port",
            "0",
            "--mqtt-tls-port",
            "0",
            "--tcp-port",
            str(self.tcp_port),
            "--http-port",
            "0",
        )
        self.process = subprocess.Popen(
            [sys.executable, "-m", "cloud_service", "up", "--data-dir", str(data_dir), *ports, *words],
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=writer,
            stderr=writer,
            start_new_session=True,
        )
        os.close(writer)

    def connect(self) -> socket.socket | None:
        with suppress(OSError):
            return socket.create_connection((HOST, self.tcp_port), DEADLINE)
        return None

    def close(self) -> None:
        """Nobody will ever read."""
        os.close(self._reader)

    def read_all(self) -> str:
        """Reads until all processes have closed the pipe."""
        with os.fdopen(self._reader, errors="replace") as stream:
            return stream.read()


@contextmanager
def unread(data_dir: Path, *words: str) -> Iterator[tuple[Unread, socket.socket]]:
    """A network whose output nobody reads, and a connection to it."""
    network = Unread(data_dir, *words)
    try:
        with wait_until(network.connect, "the gateway accepts connections") as client:
            yield network, client
    finally:
        if network.process.poll() is None:
            network.process.terminate()
            network.process.wait(DEADLINE)


def ask(client: socket.socket, count: int) -> None:
    """Asks one after another. Every request has to be answered."""
    for number in range(count):
        client.sendall(FIND)
        assert client.recv(4096) == b"None", f"request {number}"


@pytest.mark.timeout(180)
@pytest.mark.parametrize("words", [(), ("--secure", "--log-level", "debug")])
def test_requests_are_answered_and_dropped_lines_counted(tmp_path: Path, words: tuple[str, ...]) -> None:
    with unread(tmp_path / "data", *words) as (network, client):
        ask(client, REQUESTS)
        text: list[str] = []
        reading = threading.Thread(target=lambda: text.append(network.read_all()))
        reading.start()
        ask(client, 10)
        network.process.send_signal(signal.SIGINT)
        assert network.process.wait(DEADLINE) == 0
        reading.join(DEADLINE)
    for process in ("service", "gateway"):
        numbers = re.findall(rf"WARNING {process}: (\d+) lines were dropped here", text[0])
        lines = len(re.findall(rf" {process}: request ", text[0]))
        assert numbers
        assert lines + sum(map(int, numbers)) >= REQUESTS


@pytest.mark.timeout(180)
def test_it_ends_although_nobody_reads(tmp_path: Path) -> None:
    with unread(tmp_path / "data") as (network, client):
        ask(client, 1_000)
        network.process.send_signal(signal.SIGINT)
        assert network.process.wait(DEADLINE) == 0


def test_a_reader_that_goes_away_does_not_end_the_network(tmp_path: Path) -> None:
    with unread(tmp_path / "data") as (network, client):
        network.close()
        ask(client, 1_000)
        network.process.send_signal(signal.SIGINT)
        assert network.process.wait(DEADLINE) == 0
