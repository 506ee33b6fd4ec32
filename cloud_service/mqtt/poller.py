"""Drives lasting connections from a program's own loop: one wait for all of them, and for other descriptors.

Everything happens in `poll`: connections connect, send, read what has arrived, and run their callbacks.
"""

import select
import time
from collections.abc import Mapping
from typing import Protocol

from cloud_service.protocol.messages import Message


class PolledConnection(Protocol):
    """What the poller needs of a connection. None of it waits."""

    @property
    def ready(self) -> bool: ...

    def prepare(self) -> bool:
        """Connects if it is time, and sends what it can. Returns whether `handle` has work at once."""

    def handle(self, events: Mapping[int, int]) -> None:
        """Does what these events of the connections' descriptors ask for."""

    def flush(self) -> None: ...

    def leave_with(self, goodbye: Message) -> bool:
        """Goes on saying goodbye. Returns whether the broker has everything."""

    def end(self) -> None: ...


class Poller:
    """The connections of one loop, and other descriptors that end its waiting."""

    def __init__(self) -> None:
        self._poll = select.poll()
        self._connections: list[PolledConnection] = []

    def add(self, connection: PolledConnection) -> None:
        """Drives this connection from now on."""
        self._connections.append(connection)

    def watch(self, descriptor: int, *, writable: bool = False) -> None:
        """Makes `poll` return early when this descriptor can be read, or also when it can be written."""
        self._poll.register(descriptor, select.POLLIN | (select.POLLOUT if writable else 0))

    def unwatch(self, descriptor: int) -> None:
        """Undoes `watch`."""
        self._poll.unregister(descriptor)

    def poll(self, timeout: float) -> None:
        """Waits at most `timeout` seconds for something to do, and does it."""
        busy = False
        for connection in self._connections:
            busy |= connection.prepare()
        events = dict(self._poll.poll(0 if busy else timeout * 1000))
        for connection in self._connections:
            connection.handle(events)

    def flush(self) -> None:
        """Sends what was published and acknowledged, as far as the sockets accept it.

        `poll` does this first.
        """
        for connection in self._connections:
            connection.flush()

    def close(self, goodbye: Message, seconds: float) -> None:
        """Publishes the goodbye last and disconnects, once the brokers have everything or the time is up."""
        end = time.monotonic() + seconds
        staying = list(self._connections)
        while staying and time.monotonic() < end:
            staying = [each for each in staying if each.ready and not each.leave_with(goodbye)]
            if staying:
                self.poll(0.05)
        for connection in self._connections:
            connection.end()
