"""MQTT 3.1.1 by the byte, for clients that behave as no library lets them."""

import socket
import struct

CONNECT, SUBSCRIBE = 0x10, 0x82
ACCEPTED = b"\x20\x02\x00\x00"
NOT_AUTHORISED = b"\x20\x02\x00\x05"


def packet(kind: int, body: bytes) -> bytes:
    length, header = len(body), bytes([kind])
    while True:
        length, digit = divmod(length, 128)
        header += bytes([digit | (128 if length else 0)])
        if not length:
            return header + body


def connect(client_id: str, user: str, password: str) -> bytes:
    """A CONNECT packet: clean session, keep-alive of a minute."""
    flags = bytes([4, 0xC2])
    return packet(CONNECT, _text("MQTT") + flags + struct.pack(">H", 60) + _texts(client_id, user, password))


def subscribe(topic_filter: str, qos: int) -> bytes:
    return packet(SUBSCRIBE, struct.pack(">H", 1) + _text(topic_filter) + bytes([qos]))


def receive(connection: socket.socket, size: int) -> bytes:
    """So many bytes, or those that came before the connection ended."""
    received = b""
    while len(received) < size and (more := connection.recv(size - len(received))):
        received += more
    return received


def _texts(*texts: str) -> bytes:
    return b"".join(map(_text, texts))


def _text(text: str) -> bytes:
    return struct.pack(">H", len(text.encode())) + text.encode()
