"""A client's socket on the loop: it waits for bytes, until a deadline, and for the kernel to take bytes."""

import asyncio
import socket
from typing import Final

READ_BYTES: Final = 1024
"""Bytes scanned at a time, in under a millisecond even if they are hostile, so that others are served."""


class ClientSocket:
    """A connected socket that does not block. It belongs to one task. `close` has to be called at the end.

    A wait sets a timer only if none is set that goes off before its deadline. When one goes off early, it is
    set again. So a client that sends its next request in time costs none.
    """

    def __init__(self, accepted: socket.socket) -> None:
        self._socket = accepted
        self._descriptor = accepted.fileno()
        """For the loop: given the socket, it would ask the kernel for its addresses, to word an error."""
        self._loop = asyncio.get_running_loop()
        self._waiting: asyncio.Future[None] | None = None
        self._held: bytes | OSError | None = None
        """What was read and not received yet; nothing more is read until then. The end of file stays."""
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._reading = False

    async def receive(self, deadline: float) -> bytes:
        """Returns what arrives next; nothing at the client's end of file, after the deadline, or on `wake`.

        Raises OSError if the connection is broken.
        """
        if self._held is None:
            self._start_reading()
            self._watch(deadline)
            self._waiting = self._loop.create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        return self._take()

    def wake(self) -> None:
        """Makes a `receive` that waits return."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def send(self, data: bytes, seconds: float) -> None:
        """Returns once the kernel has all bytes. Raises TimeoutError if that takes too long, and OSError."""
        try:
            sent = self._socket.send(data)
        except BlockingIOError:
            sent = 0
        if sent < len(data):
            async with asyncio.timeout(seconds):
                await self._loop.sock_sendall(self._socket, memoryview(data)[sent:])

    async def hang_up(self, seconds: float) -> None:
        """Ends our side, and discards what arrives until the client ends its own, or the time is over.

        Bytes that nobody reads would reset the connection, and the client might lose our last ones. Raises
        OSError.
        """
        if not self._at_end:
            self._socket.shutdown(socket.SHUT_WR)
        deadline = self._loop.time() + seconds
        while not self._at_end and self._loop.time() < deadline:
            await self.receive(deadline)

    def close(self) -> None:
        """Ends the connection at once."""
        if self._timer is not None:
            self._timer.cancel()
        self._stop_reading()
        self._socket.close()

    @property
    def _at_end(self) -> bool:
        return self._held == b""

    def _read(self) -> None:
        if self._held is not None:
            self._stop_reading()
            return
        try:
            self._held = self._socket.recv(READ_BYTES)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._held = error
        self.wake()

    def _take(self) -> bytes:
        held = self._held
        if isinstance(held, OSError):
            raise held
        if held:
            self._held = None
        return held or b""

    def _start_reading(self) -> None:
        if not self._reading:
            self._reading = True
            self._loop.add_reader(self._descriptor, self._read)

    def _stop_reading(self) -> None:
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._descriptor)

    def _watch(self, deadline: float) -> None:
        self._deadline = deadline
        if self._timer is not None:
            if self._timer.when() <= deadline:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(deadline, self._look)

    def _look(self) -> None:
        self._timer = None
        if self._waiting is None:
            return
        if self._loop.time() >= self._deadline:
            self.wake()
        else:
            self._watch(self._deadline)
