"""A socket that never blocks: whole packets come out of it, bytes go into it."""

import socket
import ssl
from typing import Final

from cloud_service.mqtt.keep_alive import Traffic
from cloud_service.mqtt.publish_packet import Malformed

_PIECE_BYTES: Final = 65_536
"""Received or sent at a time: one system call for many packets."""
_SHORT_BYTES: Final = 4096
"""Copying this much twice takes less time than a view of the buffer."""
_NOT_NOW: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class PacketBuffer:
    """Received bytes, cut into MQTT packets. Pure."""

    def __init__(self) -> None:
        self._bytes = bytearray()
        self._begin = 0

    def add(self, piece: bytes) -> None:
        del self._bytes[: self._begin]
        self._begin = 0
        self._bytes += piece

    @property
    def has_packet(self) -> bool:
        """Whether `next` has something to say."""
        try:
            return self._bounds() is not None
        except Malformed:
            return True

    def next(self) -> tuple[int, bytes] | None:
        """Returns the first byte of a packet and what follows its length, or None until all of it is here.

        Raises Malformed if the length has more than four bytes.
        """
        bounds = self._bounds()
        if bounds is None:
            return None
        first = self._bytes[self._begin]
        body, self._begin = bounds
        if self._begin - body <= _SHORT_BYTES:
            return first, bytes(self._bytes[body : self._begin])
        with memoryview(self._bytes) as view:
            return first, bytes(view[body : self._begin])

    def _bounds(self) -> tuple[int, int] | None:
        """Where the body of the next packet begins and ends."""
        data, at, length = self._bytes, self._begin + 1, 0
        for shift in (0, 7, 14, 21):
            if at >= len(data):
                return None
            digit = data[at]
            at += 1
            length |= (digit & 127) << shift
            if digit < 128:
                return (at, at + length) if at + length <= len(data) else None
        raise Malformed("the length of a packet has more than four bytes")


class Transport:
    """A connected, non-blocking socket with a buffer in each direction."""

    def __init__(self, connection: socket.socket) -> None:
        self.traffic = Traffic()
        self.descriptor = connection.fileno()
        self._socket = connection
        self._received = PacketBuffer()
        self._unsent = bytearray()

    @property
    def holds_packet(self) -> bool:
        """Whether a packet can be read although the descriptor may not be readable."""
        pending = isinstance(self._socket, ssl.SSLSocket) and self._socket.pending() > 0
        return pending or self._received.has_packet

    @property
    def wants_write(self) -> bool:
        return bool(self._unsent)

    def read(self) -> tuple[int, bytes] | None:
        """Returns a packet as `PacketBuffer.next` does, or None when nothing is left to read.

        Raises OSError at the end of the connection, Malformed if the bytes are not MQTT.
        """
        while (packet := self._received.next()) is None:
            try:
                piece = self._socket.recv(_PIECE_BYTES)
            except _NOT_NOW:
                return None
            if not piece:
                raise ConnectionResetError("end of stream")
            self.traffic.received += len(piece)
            self._received.add(piece)
        return packet

    def write(self, data: bytes) -> None:
        """Buffers bytes until `flush`, so that packets written one after another leave together."""
        self._unsent += data

    def flush(self) -> None:
        """Sends as much as the socket takes. Raises OSError if the connection is broken."""
        while self._unsent:
            with memoryview(self._unsent) as view:
                try:
                    sent = self._socket.send(view[:_PIECE_BYTES])
                except _NOT_NOW:
                    return
            self.traffic.sent += sent
            del self._unsent[:sent]

    def close(self) -> None:
        self._socket.close()
