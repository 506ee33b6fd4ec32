"""The broker is away for seconds, again and again. What is asked meanwhile is answered."""

import socket
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.kit.processes import HOST, Stack
from tests.kit.waiting import DEADLINE

FIND = b'{"findReservation": true, "vid": 1}'
TCP_DEADLINE = 10.0
"""Seconds after which the gateway ends the connection without a reply."""


def ask(port: int, request: bytes) -> tuple[bytes, float]:
    """Sends a request over TCP. Returns the reply, and how many seconds it took."""
    begun = time.monotonic()
    with socket.create_connection((HOST, port), DEADLINE) as connection:
        connection.sendall(request)
        reply = connection.recv(4096)
    return reply, time.monotonic() - begun


@pytest.mark.timeout(300)
def test_requests_of_each_of_many_outages_are_answered_in_their_time(tmp_path: Path) -> None:
    """Pauses that grew from one outage to the next would let the later ones down."""
    with Stack(tmp_path) as stack, ThreadPoolExecutor() as pool:
        for away in (2.0, 0.2, 2.0, 0.2, 2.0, 5.0):
            stack.broker.kill()
            asked = pool.submit(ask, stack.tcp_port, FIND)
            time.sleep(away)
            stack.broker.start()
            reply, seconds = asked.result()
            assert reply == b"None", f"after an outage of {away:g} s: {reply!r} in {seconds:.1f} s"
            assert seconds < TCP_DEADLINE
